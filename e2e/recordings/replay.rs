//! An engine on a Unix socket that answers every request with the same bytes.

use std::path::PathBuf;

use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// What the engine does with a request.
#[derive(Clone)]
pub enum Answer {
    /// It answers with a status and a body.
    Http(u16, String),
    /// It promises more bytes than it sends.
    CutShort(String),
    /// It takes the request and stays silent.
    Silence,
}

/// The engine; it ends with this value.
pub struct Replay {
    directory: tempfile::TempDir,
    task: tokio::task::JoinHandle<()>,
}

impl Replay {
    pub fn start(answer: Answer) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("docker.sock")).unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone()));
            }
        });
        Self { directory, task }
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    /// Connects to it as the agent does, with a deadline that no test waits for.
    pub fn docker(&self) -> Docker {
        Docker::connect_with_socket(
            &self.socket().display().to_string(),
            60,
            API_DEFAULT_VERSION,
        )
        .unwrap()
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: UnixStream, answer: Answer) {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let (status, body, promised) = match answer {
        Answer::Http(status, body) => (status, body.clone(), body.len()),
        Answer::CutShort(body) => (200, body.clone(), body.len() + 100),
        Answer::Silence => return std::future::pending().await,
    };
    let head = format!(
        "HTTP/1.1 {status} \r\ncontent-type: application/json\r\ncontent-length: {promised}\r\nconnection: close\r\n\r\n"
    );
    // A client that hung up has seen enough.
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}
