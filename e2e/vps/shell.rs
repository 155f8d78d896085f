//! A root shell in the guest: one script a request, its exit code and its output the answer.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::machine::Running;

/// How long a boot may take, on a busy machine under emulation.
const BOOT: Duration = Duration::from_secs(600);
/// How long one script may take; `docker load` is the longest.
const SCRIPT: Duration = Duration::from_secs(600);

/// The line to the guest.
pub struct Shell {
    to: UnixStream,
    from: BufReader<UnixStream>,
    number: u64,
}

/// What a script left.
pub struct Answer {
    pub code: i32,
    pub text: String,
}

impl Shell {
    /// Waits until the guest's shell is there; else returns what the machine said.
    pub fn connect(machine: &mut Running) -> Result<Self, String> {
        let until = Instant::now() + BOOT;
        let to = loop {
            match UnixStream::connect(machine.port("shell")) {
                Ok(stream) => break stream,
                Err(_) if machine.runs() && Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(format!("no machine: {error}\n{}", machine.console())),
            }
        };
        to.set_read_timeout(Some(BOOT)).unwrap();
        let mut from = BufReader::new(to.try_clone().unwrap());
        let mut line = String::new();
        let read = from.read_line(&mut line);
        if read.is_err() || line != "ready\n" {
            return Err(format!("{read:?}, {line:?}\n{}", machine.console()));
        }
        to.set_read_timeout(Some(SCRIPT)).unwrap();
        Ok(Self {
            to,
            from,
            number: 0,
        })
    }

    /// Runs a script.
    pub fn run(&mut self, script: &str) -> Answer {
        self.number += 1;
        let request = format!("{} {}\n", self.number, BASE64.encode(script));
        self.to.write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        let read = self.from.read_line(&mut line);
        assert!(read.is_ok(), "no answer ({read:?}) to: {script}");
        let mut words = line.split_whitespace();
        let number = words.next().and_then(|w| w.parse().ok());
        assert_eq!(number, Some(self.number), "{line}");
        let code = words.next().and_then(|w| w.parse().ok());
        let text = BASE64.decode(words.next().unwrap_or_default());
        Answer {
            code: code.unwrap_or_else(|| panic!("no exit code in {line:?}")),
            text: String::from_utf8_lossy(&text.unwrap_or_default())
                .trim()
                .to_owned(),
        }
    }
}
