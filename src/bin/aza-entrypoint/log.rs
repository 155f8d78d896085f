//! One line a message, to standard error, beside the server's own log. Never a secret.

use std::io::Write;

/// Says what was done.
pub fn say(message: &str) {
    write("", message);
}

/// Says what a person should look at.
pub fn warn(message: &str) {
    write("WARNING: ", message);
}

/// Says why the container does not start.
pub fn error(message: &str) {
    write("ERROR: ", message);
}

fn write(level: &str, message: &str) {
    // A closed standard error is no reason to keep a database from starting.
    let _ = writeln!(std::io::stderr(), "aza-entrypoint: {level}{message}");
}
