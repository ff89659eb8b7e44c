//! Waiting for the first of several channel operations.
//!
//! | file | what |
//! |---|---|
//! | `driver` | the algorithm, over [`Case`](crate::wait::Case)s |
//! | `arms` | what `select!` expands to |
//! | `runtime` | `Select`, for arms that are known only at run time |

mod arms;
mod driver;
mod runtime;

pub use arms::{Arm, SelectOptions, Selected, block_forever, recv_arm, select, send_arm};
pub use runtime::{Select, SelectedOperation};
