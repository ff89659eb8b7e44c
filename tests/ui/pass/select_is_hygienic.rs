//! Variables of the user's that have the expansions' names, nested macros, and macros around them.

#![deny(warnings)]

use csp::prelude::*;

enum Won {
    Arm0,
}

macro_rules! recv_or {
    ($rx:expr, $default:expr) => {
        select! {
            v = <-$rx => v.unwrap(),
            default => $default,
        }
    };
}

macro_rules! send_if {
    ($tx:expr, $value:expr, $cond:expr) => {
        select! {
            $tx <- $value, if $cond => true,
            else => false,
        }
    };
}

macro_rules! shadow {
    ($name:ident, $rx:expr, $body:expr) => {
        select! { $name = <-$rx => $body }
    };
}

fn main() {
    let (permit, message) = channel::<u32>(2);
    let (won, arm0, hit, mismatched) = (1, 2, 3, 4);
    let group = WaitGroup::new();
    let spawn = 5;
    let argument0 = 6;
    go!(in group, clone(permit) => permit.send(won + arm0 + hit + mismatched + spawn + argument0).unwrap());
    group.wait();
    let callee = |a: u32, b: u32| a - b;
    assert_eq!(go!(callee(argument0, spawn)).join().unwrap(), 1);
    let won = select! {
        Some(message) = <-message => {
            let won = Won::Arm0;
            match won {
                Won::Arm0 => message + arm0,
            }
        }
    };
    assert_eq!(won, 23);

    let (a, b) = (7, 8);
    assert!(send_if!(permit, 5, a < -b || a < b));
    assert!(!send_if!(&permit, 5, a < -b));
    assert_eq!(recv_or!(message, 0), 5);
    assert_eq!(recv_or!(&message, 1 + 1), 2);
    permit.send(6).unwrap();
    assert_eq!(shadow!(value, message, value), Some(6));

    // Each inside the other.
    let nested = select! {
        v = <-message, if recv_or!(&message, 1) == 0 => v,
        permit <- select! { _ = <-never::<u8>() => 0, default => 4 } => {
            let inner = go!(clone(message) => select! { v = <-message => v });
            inner.join().unwrap()
        }
    };
    assert_eq!(nested, Some(4));
}
