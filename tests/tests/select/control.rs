//! Bodies of select are inlined: control flow leaves them, and the whole is an expression.

use csp::{channel, select};
use csp_tests::everywhere;

#[test]
fn break_and_continue_reach_the_loop_around() {
    everywhere(|_| {
        let (tx, rx) = channel(8);
        (0..8).for_each(|i| tx.send(i).unwrap());
        let mut kept = Vec::new();
        for _ in 0..8 {
            let v = select! {
                Some(v) = <-rx => if v % 2 == 0 { continue } else if v == 7 { break } else { v },
            };
            kept.push(v);
        }
        assert_eq!(kept, [1, 3, 5]);
    });
}

#[test]
#[expect(clippy::never_loop, reason = "the labels are the point")]
fn labels_reach_outer_loops_and_break_carries_values() {
    everywhere(|_| {
        let (tx, rx) = channel(8);
        (0..8).for_each(|i| tx.send(i).unwrap());
        let mut rounds = 0;
        let found = 'outer: loop {
            rounds += 1;
            loop {
                select! {
                    Some(3) = <-rx => break 'outer "three",
                    default => continue 'outer,
                }
            }
        };
        assert_eq!((found, rounds), ("three", 4));
    });
}

#[test]
fn return_and_question_mark_leave_the_function() {
    fn first(rx: &csp::Receiver<Result<u8, String>>) -> Result<u8, String> {
        let v = select! {
            Some(v) = <-rx => v?,
            else => return Err("closed".into()),
        };
        Ok(v + 1)
    }
    everywhere(|_| {
        let (tx, rx) = channel(2);
        tx.send(Ok(1)).unwrap();
        tx.send(Err("bad".into())).unwrap();
        drop(tx);
        assert_eq!(first(&rx), Ok(2));
        assert_eq!(first(&rx), Err("bad".into()));
        assert_eq!(first(&rx), Err("closed".into()));
    });
}

#[test]
fn the_value_of_the_chosen_body_is_the_value_of_the_select() {
    everywhere(|_| {
        let (tx, rx) = channel(1);
        let text: &str = select! {
            v = <-rx => v.unwrap(),
            tx <- "sent" => "from the send arm",
        };
        assert_eq!(text, "from the send arm");
        assert_eq!(
            1 + select! { v = <-rx => v.unwrap().len(), default => 0 },
            5
        );
    });
}

#[test]
fn bodies_may_move_mutate_and_borrow_what_is_around() {
    everywhere(|_| {
        let (tx, rx) = channel(1);
        let owned = String::from("moved by one of the arms");
        let mut count = 0;
        let moved = select! {
            v = <-rx => { count += 1; format!("{v:?}{owned}") },
            tx <- () => { count += 10; owned },
            default => { count += 100; owned },
        };
        assert_eq!((count, moved.as_str()), (10, "moved by one of the arms"));
    });
}

#[test]
fn bodies_may_use_the_channels_of_the_arms() {
    everywhere(|_| {
        let (mut tx, mut rx) = channel(1);
        for _ in 0..10 {
            select! {
                tx <- 1 => { let again = tx.clone(); tx = again },
                v = <-rx => { assert_eq!(v, Some(1)); (tx, rx) = channel(1) },
            }
        }
        assert!(rx.len() <= 1);
    });
}

#[test]
fn selects_nest() {
    everywhere(|_| {
        let (a_tx, a) = channel(2);
        let (b_tx, b) = channel(2);
        a_tx.send(1).unwrap();
        b_tx.send(2).unwrap();
        let pair = select! {
            x = <-a => select! { y = <-b => (x, y) },
            y = <-b => select! { x = <-a => (x, y) },
        };
        assert_eq!(pair, (Some(1), Some(2)));
    });
}

#[test]
fn a_select_inside_value_works() {
    everywhere(|_| {
        let (tx, rx) = channel(1);
        let (inner_tx, inner) = channel(1);
        inner_tx.send(5).unwrap();
        select! {
            tx <- select! { v = <-inner => v.unwrap(), default => 0 } => {},
        }
        assert_eq!(rx.recv(), Some(5));
    });
}

#[test]
fn patterns_bind_by_value_by_reference_and_mutably() {
    everywhere(|_| {
        let (tx, rx) = channel(4);
        (0..4).for_each(|i| tx.send((i, format!("{i}"))).unwrap());
        let by_value = select! { Some((n, text)) = <-rx => format!("{n}{text}") };
        let mutable = select! { Some((mut n, _)) = <-rx => { n += 1; n } };
        let by_ref = select! { Some((_, ref text)) = <-rx => text.len() };
        let bound =
            select! { whole @ Some((3, _)) = <-rx => whole.unwrap().1, else => String::new() };
        assert_eq!(
            (by_value.as_str(), mutable, by_ref, bound.as_str()),
            ("00", 2, 1, "3")
        );
    });
}
