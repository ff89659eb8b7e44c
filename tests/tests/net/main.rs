//! `csp::net`: a file for each side of its sockets; what sets limits or sends signals is `net_connect` and `net_storm`.
//!
//! One binary, because each is linked with everything below it.

mod as_std;
mod close;
mod deadlines;
mod poller;
mod transports;
