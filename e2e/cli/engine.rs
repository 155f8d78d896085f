//! An engine that says its version, and that it has nothing else.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Answers at a socket until the test ends.
pub fn without_images(socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream));
        }
    });
}

fn answer(mut stream: UnixStream) {
    let mut asked = Vec::new();
    let mut some = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut some) {
        asked.extend(&some[..read]);
        if !asked.ends_with(b"\r\n\r\n") {
            continue;
        }
        let is_version = String::from_utf8_lossy(&asked).contains("/version");
        let (status, body) = if is_version {
            ("200 OK", r#"{"ApiVersion":"1.41","Version":"20.10.0"}"#)
        } else {
            ("404 Not Found", r#"{"message":"No such image"}"#)
        };
        asked.clear();
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n");
        let text = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(text.as_bytes()).is_err() {
            break;
        }
    }
}
