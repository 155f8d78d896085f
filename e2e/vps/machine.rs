//! The machine: its disks, and QEMU, which always ends with the value that started it.
//!
//! Software emulation (`tcg`): the test shall not depend on a `/dev/kvm` that may be missing, or hang. The disk
//! is `cache=unsafe`: what the guest has flushed is with the host's kernel, which survives QEMU's end. A power
//! cut so loses what a guest's page cache holds, and nothing that it had flushed: what fsync is about.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Disks that outlive a power cut.
pub struct Machine {
    dir: tempfile::TempDir,
    made: PathBuf,
}

/// A running QEMU. Dropping it is pulling the plug.
pub struct Running {
    qemu: Child,
    dir: PathBuf,
}

/// Runs a tool that must succeed, and returns what it printed.
pub fn tool(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", output.status);
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo builds: this test lies in its `debug/deps`.
pub fn target() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.ancestors().nth(3).unwrap().to_owned()
}

impl Machine {
    /// Takes the disk of a fresh VPS, made at the first use, and a second one with `payload` on it.
    pub fn new(payload: &Path) -> Self {
        let script = repository().join("docker/vps-root.sh");
        let disk = PathBuf::from(tool(Command::new(script).arg(target().join("vps"))));
        // Sockets have short names, so not below the target directory; the disk is sparse.
        let dir = tempfile::Builder::new()
            .prefix("aza-test-vps-")
            .tempdir()
            .unwrap();
        tool(
            Command::new("cp")
                .arg("--sparse=always")
                .arg(&disk)
                .arg(dir.path().join("disk.img")),
        );
        tool(
            Command::new("mke2fs")
                .args(["-q", "-t", "ext4", "-d"])
                .arg(payload)
                .arg(dir.path().join("payload.img"))
                .arg("1G"),
        );
        Self {
            dir,
            made: disk.parent().unwrap().to_owned(),
        }
    }

    /// Switches it on.
    pub fn start(&self) -> Running {
        let dir = self.dir.path().to_owned();
        for port in ["shell", "acks"] {
            let _ = fs::remove_file(dir.join(port));
        }
        let drive = |name: &str, more: &str| {
            let file = dir.join(name);
            format!("file={},format=raw,if=virtio{more}", file.display())
        };
        let mut command = Command::new("qemu-system-x86_64");
        command
            .args(["-accel", "tcg,thread=multi", "-smp", "2", "-m", "3072"])
            .args([
                "-nodefaults",
                "-display",
                "none",
                "-no-reboot",
                "-nic",
                "none",
            ])
            .arg("-kernel")
            .arg(self.made.join("vmlinuz"))
            .arg("-initrd")
            .arg(self.made.join("initrd"))
            .args(["-append", "root=/dev/vda rw console=ttyS0 panic=-1 quiet"])
            .args(["-drive", &drive("disk.img", ",cache=unsafe")])
            .args(["-drive", &drive("payload.img", ",readonly=on")])
            .arg("-serial")
            .arg(format!("file:{}", dir.join("console").display()))
            .args(["-device", "virtio-serial"]);
        for port in ["shell", "acks"] {
            let socket = dir.join(port);
            command
                .arg("-chardev")
                .arg(format!(
                    "socket,id={port},path={},server=on,wait=off",
                    socket.display()
                ))
                .arg("-device")
                .arg(format!("virtserialport,chardev={port},name=test.{port}"));
        }
        let log = File::create(dir.join("qemu.log")).unwrap();
        let qemu = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|e| panic!("qemu-system-x86_64: {e}"));
        Running { qemu, dir }
    }
}

impl Running {
    /// The host's end of one of the guest's ports.
    pub fn port(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// What the machine said before anybody could ask it.
    pub fn console(&self) -> String {
        let read = |name: &str| fs::read(self.dir.join(name)).unwrap_or_default();
        let console = String::from_utf8_lossy(&read("console")).into_owned();
        let last: Vec<&str> = console.lines().rev().take(30).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        format!(
            "{}\n{}",
            String::from_utf8_lossy(&read("qemu.log")),
            last.join("\n")
        )
    }

    /// Pulls the plug: no signal that QEMU could answer, and only this process.
    pub fn cut_power(&mut self) {
        self.qemu.kill().unwrap();
        self.qemu.wait().unwrap();
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.qemu.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}
