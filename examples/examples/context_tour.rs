//! What a context can say: that somebody cancelled it and why, that its time is up, and what belongs to the request.
//!
//! `cargo run --release --example context_tour` prints
//!
//! ```text
//! cancel:   context canceled, because the client has hung up
//! child:    context canceled, because the client has hung up
//! parent:   not done
//! timeout:  context deadline exceeded, because context deadline exceeded
//! deadline: context deadline exceeded, because the shop closes
//! in time:  an answer before the deadline, then context canceled
//! shorter:  a child's deadline is never later than its parent's
//! values:   request 7 of gopher, anonymous without
//! ```

use std::time::Instant;

use csp::context::{Context, ContextError};
use csp::prelude::*;

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(20);

/// A value is found by its type, so each has one of its own.
struct RequestId(u32);
struct User(&'static str);

/// Works for `time` unless told to stop before.
fn work(ctx: &Context, time: Duration) -> Result<&'static str, ContextError> {
    select! {
        _ = <-after(time) => Ok("an answer"),
        <-ctx.done() => Err(ctx.err().expect("it is done")),
    }
}

/// Prints how a context ended.
fn report(name: &str, ctx: &Context) {
    match (ctx.err(), ctx.cause()) {
        (Some(err), Some(cause)) => println!("{name:9} {err}, because {cause}"),
        _ => println!("{name:9} not done"),
    }
}

fn cancelling() {
    let (parent, _cancel) = Context::background().with_cancel();
    let (ctx, cancel) = parent.with_cancel();
    let (child, _) = ctx.with_timeout(LONG);
    let workers: Vec<_> = [&ctx, &child]
        .map(|ctx| go!(clone(ctx) => { work(&ctx, LONG) }))
        .into();
    cancel.cancel_with("the client has hung up");
    for worker in workers {
        assert_eq!(worker.join().unwrap(), Err(ContextError::Canceled));
    }
    // It reaches what was derived, and not what it was derived from. The first cause stays.
    cancel.cancel_with("too late");
    report("cancel:", &ctx);
    report("child:", &child);
    report("parent:", &parent);
}

fn running_out_of_time() {
    let (ctx, _) = Context::background().with_timeout(SHORT);
    let start = Instant::now();
    assert_eq!(work(&ctx, LONG), Err(ContextError::DeadlineExceeded));
    assert!((SHORT..LONG).contains(&start.elapsed()));
    report("timeout:", &ctx);

    let closing = Instant::now() + SHORT;
    let (ctx, _) = Context::background().with_deadline_cause(closing, "the shop closes");
    assert_eq!(ctx.deadline(), Some(closing));
    assert_eq!(work(&ctx, LONG), Err(ContextError::DeadlineExceeded));
    assert!(Instant::now() >= closing);
    report("deadline:", &ctx);

    let (ctx, cancel) = Context::background().with_timeout(LONG);
    let answer = work(&ctx, SHORT).expect("there is an hour for it");
    cancel.cancel();
    let err = work(&ctx, LONG).unwrap_err();
    println!("in time:  {answer} before the deadline, then {err}");

    let (child, _) = ctx.with_timeout(2 * LONG);
    assert_eq!(child.deadline(), ctx.deadline());
    println!("shorter:  a child's deadline is never later than its parent's");
}

fn values() {
    let describe = |ctx: &Context| {
        let user = ctx.value::<User>();
        user.map_or("anonymous", |user| user.0)
    };
    let request = Context::background().with_value(RequestId(7));
    let ctx = request.with_value(User("gopher"));
    // What is derived later carries them too, also into other goroutines.
    let (ctx, cancel) = ctx.with_cancel();
    defer! { cancel.cancel() }
    let found = go!(clone(ctx) => {
        let id = ctx.value::<RequestId>().expect("main has set it").0;
        (id, describe(&ctx))
    });
    let (id, user) = found.join().unwrap();
    assert_eq!((id, user), (7, "gopher"));
    println!(
        "values:   request {id} of {user}, {} without",
        describe(&request)
    );
}

#[csp::main]
fn main() {
    cancelling();
    running_out_of_time();
    values();
}
