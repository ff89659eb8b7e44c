//! Compiles the C code of the overflow tests: as distributions and users do, but for the probes of large frames, which
//! some compilers add unasked.
//!
//! A C compiler is at hand wherever Rust links.

fn main() {
    println!("cargo::rerun-if-changed=src/c/frames.c");
    cc::Build::new()
        .file("src/c/frames.c")
        .opt_level(1)
        .flag_if_supported("-fno-stack-clash-protection")
        .flag_if_supported("-fno-stack-protector")
        // The program that uses it names it; no other is linked with it.
        .cargo_metadata(false)
        .compile("csp_frames");
    let place = std::env::var("OUT_DIR").expect("cargo sets it");
    println!("cargo::rustc-link-search=native={place}");
}
