//! A socket in front of Docker's, which can fall silent: it takes connections and bytes, and passes none on.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The forwarder. Its threads end with the test's process.
pub struct Proxy {
    pub socket: PathBuf,
    silent: Arc<AtomicBool>,
}

impl Proxy {
    pub fn start(directory: &Path, silent: bool) -> Self {
        let proxy = Self {
            socket: directory.join("docker.sock"),
            silent: Arc::new(AtomicBool::new(silent)),
        };
        let listener = UnixListener::bind(&proxy.socket).unwrap();
        let silent = proxy.silent.clone();
        std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let Ok(engine) = UnixStream::connect("/var/run/docker.sock") else {
                    continue;
                };
                let ends = (client.try_clone().unwrap(), engine.try_clone().unwrap());
                pass_on(client, engine, silent.clone());
                pass_on(ends.1, ends.0, silent.clone());
            }
        });
        proxy
    }

    pub fn falls_silent(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    pub fn speaks_again(&self) {
        self.silent.store(false, Ordering::Relaxed);
    }
}

fn pass_on(mut from: UnixStream, mut to: UnixStream, silent: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 16 << 10];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            while silent.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(10));
            }
            if to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}
