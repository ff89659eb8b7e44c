//! Stacks as programs see them.

mod grow;
