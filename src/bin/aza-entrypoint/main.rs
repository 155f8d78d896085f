//! Container door.
fn main() {}
