//! The agent, its unit and the image come to the machine as people bring them: a release build, `make install`,
//! `docker load`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::guest::Guest;
use crate::machine::{repository, target, tool};

/// The password that a person chose; nobody may see it in a log.
pub const PASSWORD: &str = "Zk3-credential-'of\"a$person";

/// Lays out what is carried to the machine.
pub fn payload() -> PathBuf {
    let payload = target().join("vps/payload");
    let _ = fs::remove_dir_all(&payload);
    let copy = |from: &Path, to: &str| {
        let to = payload.join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, &to).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
    };
    for file in [
        "Makefile",
        "docker/install-agent.sh",
        "systemd/aza-agent.service",
    ] {
        copy(&repository().join(file), &format!("tree/{file}"));
    }
    // Other binaries than the release's are for trying things out: `AZA_VPS_BINARIES=target/debug`.
    let binaries = std::env::var_os("AZA_VPS_BINARIES").map_or_else(
        || target().join("release"),
        |named| repository().join(named),
    );
    for binary in ["aza-agent", "aza-entrypoint"] {
        let built = binaries.join(binary);
        copy(&built, &format!("tree/target/release/{binary}"));
    }
    tool(
        Command::new("docker")
            .args(["save", "--output"])
            .arg(payload.join("image.tar"))
            .arg(image()),
    );
    payload
}

/// Installs everything. The agent is enabled and runs before there is any manifest.
pub fn as_people_do(guest: &mut Guest) {
    guest.ok("mount -o ro /dev/vdb /mnt && make -C /mnt/tree install");
    guest.ok(&format!(
        "printf %s {} >/etc/aza-agent/credentials/main && chmod 0600 /etc/aza-agent/credentials/main",
        quoted(PASSWORD)
    ));
    // As `systemctl edit` leaves it, and as the unit's own text says.
    guest.ok("mkdir -p /etc/systemd/system/aza-agent.service.d && \
         printf '[Service]\\nLoadCredential=main:/etc/aza-agent/credentials/main\\n' \
         >/etc/systemd/system/aza-agent.service.d/credentials.conf && systemctl daemon-reload");
    guest.ok("systemctl enable --now aza-agent");
    assert_eq!(guest.unit("ActiveState"), "active");
    assert_eq!(guest.ok("systemctl is-enabled aza-agent"), "enabled");
    guest.wait("a status line", |g| {
        g.unit("StatusText") == "no stacks: the directory has no manifest"
    });
    guest.ok(&format!(
        "systemctl is-active docker && docker load --quiet --input /mnt/image.tar && docker tag {} aza-pg:18",
        image()
    ));
}

/// The image on this host that the machine gets, under whatever name it has here.
fn image() -> String {
    let named = std::env::var_os("AZA_TEST_IMAGE");
    named.map_or_else(
        || "aza-pg:18".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// A word for the shell.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
