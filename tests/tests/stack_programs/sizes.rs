//! Sizes: by class, by default, by the attribute, by the environment.

use crate::scenario;

#[test]
fn every_size_holds_what_it_says_and_costs_what_is_touched() {
    let output = scenario(&["sizes"], &[]);
    output.code(0).stdout("every size\n");
    for bytes in ["1073741825", "18446744073709551615"] {
        output.stdout(&format!(
            "a goroutine stack of {bytes} bytes is above the largest possible, 1 GiB; ask for less"
        ));
    }
    // A thousand of each size, one page of each touched.
    let line = output.stdout.lines().find(|line| line.starts_with("small"));
    let numbers = line.into_iter().flat_map(|line| line.split(' '));
    let kib: Vec<i64> = numbers.filter_map(|word| word.parse().ok()).collect();
    assert!(
        kib.len() == 2 && kib.iter().all(|&kib| kib < 20_000),
        "{output:#?}"
    );
}

/// Goes so many KiB deep on a goroutine and on main, with the environment given.
fn depths(program: &str, goroutine: &str, main: &str, stack: &str) -> csp_tests::Output {
    let depths = [
        ("GOROUTINE_KIB", goroutine),
        ("MAIN_KIB", main),
        ("CSP_STACK", stack),
    ];
    scenario(&[program], &depths)
}

#[test]
fn the_environment_sets_the_default_and_makes_main_no_smaller() {
    for (stack, goroutine, main) in [
        ("", "200", "7000"),
        ("64K", "40", "7000"),
        ("1048576", "900", "7000"),
        ("2MiB", "1800", "7000"),
        ("32M", "30000", "30000"),
    ] {
        let output = depths("default", goroutine, main, stack);
        output.code(0).stdout("deep enough\n");
        assert_eq!(output.stderr, "", "{stack}");
    }
    depths("default", "60", "60", "64K")
        .code(2)
        .stderr("overflowed its 64 KiB stack");
}

#[test]
fn the_attribute_sets_both_and_the_environment_goes_before_it() {
    depths("attribute", "900", "900", "").code(0);
    depths("attribute", "100", "1100", "")
        .code(2)
        .stderr("goroutine 1 overflowed its 1 MiB stack");
    depths("attribute", "1800", "7000", "2M").code(0);
    depths("attribute", "240", "0", "256k")
        .code(2)
        .stderr("overflowed its 256 KiB stack");
}

#[test]
fn a_bad_size_in_the_environment_is_reported_and_ignored() {
    for (bad, why) in [
        ("lots", "expected a size"),
        ("0", "expected a size"),
        ("-1", "expected a size"),
        ("1.5M", "expected a size"),
        ("1073741825", "at most 1 GiB"),
        ("2G", "at most 1 GiB"),
    ] {
        let output = depths("default", "200", "7000", bad);
        output.code(0).stdout("deep enough\n");
        output.stderr(&format!("csp: CSP_STACK={bad:?} ignored: {why}"));
        assert_eq!(output.stderr.lines().count(), 1, "{output:#?}");
    }
}
