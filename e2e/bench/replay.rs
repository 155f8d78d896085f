//! A recorded host: Docker's answers about one real stack, replayed under many names on a Unix socket. SQL
//! is real: every name's socket directory leads to the one server that the recording was made of.
//!
//! What it does not pretend is a change: a request that is no GET is counted and refused.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::engine::{IMAGE, docker};

/// What the real engine said of one stack.
#[derive(Clone)]
pub struct Recording {
    stack: String,
    port: u16,
    container: String,
    image: String,
}

impl Recording {
    pub fn of(stack: &str, port: u16) -> Self {
        let one = |what: &str| {
            let list = docker(&["inspect", what]);
            let list: serde_json::Value = serde_json::from_str(&list).unwrap();
            list[0].to_string()
        };
        Self {
            stack: stack.to_owned(),
            port,
            container: one(&format!("{stack}-postgres")),
            image: one(IMAGE),
        }
    }

    /// Returns the answer for another name and port.
    fn container(&self, container: &str) -> Option<String> {
        let stack = container.strip_suffix("-postgres")?;
        let port = self.port + stack.rsplit('-').next()?.parse::<u16>().ok()?;
        // The volume is one, too: the room on its disk is looked at.
        let data = |stack: &str| format!("/{stack}_pgdata/_data");
        let text = self.container.replace(&self.stack, stack);
        let text = text.replace(&data(stack), &data(&self.stack));
        let own = format!("\"HostPort\":\"{}\"", self.port);
        Some(text.replace(&own, &format!("\"HostPort\":\"{port}\"")))
    }
}

/// The engine; its socket goes with the directory that it was given.
pub struct Replay {
    pub writes: Arc<AtomicUsize>,
    pub reads: Arc<AtomicUsize>,
}

impl Replay {
    pub fn start(socket: &PathBuf, recording: Recording) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let replay = Self {
            writes: Arc::default(),
            reads: Arc::default(),
        };
        let (writes, reads) = (replay.writes.clone(), replay.reads.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (recording, writes, reads) = (recording.clone(), writes.clone(), reads.clone());
                std::thread::spawn(move || serve(stream, &recording, &writes, &reads));
            }
        });
        replay
    }
}

fn serve(mut stream: UnixStream, recording: &Recording, writes: &AtomicUsize, reads: &AtomicUsize) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let Some(end) = request.windows(4).position(|w| w == b"\r\n\r\n") else {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(read) => request.extend_from_slice(&buffer[..read]),
            }
            continue;
        };
        let head = String::from_utf8_lossy(&request[..end]).into_owned();
        request.drain(..end + 4);
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let path = path.split('?').next().unwrap_or("");
        let count = if matches!(method, "GET" | "HEAD") {
            reads
        } else {
            writes
        };
        count.fetch_add(1, Ordering::Relaxed);
        if path.ends_with("/events") {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
            let _ = stream.write_all(head.as_bytes());
            // Nothing ever happens there: the stream stays open until the agent goes.
            let _ = stream.read(&mut buffer);
            return;
        }
        let name = |suffix: &str| path.rsplit(suffix).nth(1).map(str::to_owned);
        let body = if path.ends_with("/version") {
            Some(r#"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12","Os":"linux","Arch":"amd64"}"#.to_owned())
        } else if path.ends_with("/_ping") {
            Some("OK".to_owned())
        } else if path.contains("/containers/") && path.ends_with("/json") {
            name("/").and_then(|n| recording.container(&n))
        } else if path.contains("/images/") && path.ends_with("/json") {
            Some(recording.image.clone())
        } else {
            None
        };
        let (status, body) = match body {
            Some(body) => ("200 OK", body),
            None => ("500 Recorded", r#"{"message":"not recorded"}"#.to_owned()),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        if stream
            .write_all(format!("{head}{body}").as_bytes())
            .is_err()
        {
            return;
        }
    }
}
