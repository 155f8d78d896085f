//! What people do by hand, on either world.

use std::io::Write as _;
use std::process::{Command, Stdio};

use aza_agent::api::{Bytes, SettingName};
use aza_agent::sim::{Host, ImageFiles};

use crate::machine::{IMAGE, Machine, docker};

/// One thing done behind the agent's back.
pub enum Hand {
    DockerStop,
    DockerRestart,
    DockerRm,
    DockerPause,
    DockerUnpause,
    /// `docker compose up --force-recreate` in the stack's directory.
    ForceRecreate,
    DockerUpdateMemory(Bytes),
    /// `ALTER SYSTEM SET` and a reload.
    AlterSystem(&'static str, &'static str),
    /// `ALTER SYSTEM RESET` and a reload, by a superuser who knows the way past missing libraries.
    ResetPastLibraries(&'static str),
    /// `ALTER ROLE postgres SET`
    AlterRole(&'static str, &'static str),
    /// The reference points to another image, with the same files.
    MoveTag,
    /// A line in `postgresql.conf` that nobody can parse.
    BreakConf,
    RepairConf,
    /// The reference points nowhere any more.
    Untag,
    /// Another container mounts the volume; it goes again.
    MountElsewhere,
    MountNoMore,
    /// Another program listens on the port; it stops again.
    TakePort,
    LeavePort,
    /// `-c name=value` in the compose file, and `up` by hand.
    PinOnCommandLine(&'static str, &'static str),
    /// Another name, with `docker rename`.
    Rename,
    /// Off its network, with `docker network disconnect`.
    Disconnect,
    /// `ALTER ROLE postgres PASSWORD`
    AlterPassword,
    /// `ALTER SYSTEM SET "a.b.c"`
    PoisonAutoConf,
    /// `postgresql.auto.conf` with mode 0.
    MakeAutoConfUnreadable,
    /// `: >postgresql.auto.conf`
    EmptyAutoConf,
    /// A line at the end of `postgresql.auto.conf`.
    EditAutoConf(&'static str, &'static str),
    /// `ALTER DATABASE postgres SET`
    AlterDatabase(&'static str, &'static str),
    /// `ALTER DATABASE postgres RESET`
    ResetDatabase(&'static str),
    /// `DROP EXTENSION` in `postgres`.
    DropExtension(&'static str),
    /// A database of that name with a libc locale, whose catalogue says another version of the library.
    OlderCollation(&'static str),
}

impl Hand {
    pub fn on_pretended(&self, host: &mut Host, machine: &Machine) {
        let stack = machine.name.as_str();
        let setting = |name| SettingName::parse(name).unwrap();
        match self {
            Self::DockerStop => host.docker_stop(stack),
            Self::DockerRestart => host.docker_restart(stack),
            Self::DockerRm => host.docker_rm(stack),
            Self::DockerUpdateMemory(memory) => host.docker_update_memory(stack, *memory),
            Self::AlterSystem(name, value) => host.alter_system(stack, &setting(name), value),
            Self::ResetPastLibraries(name) => host.reset_system(stack, &setting(name)),
            Self::AlterRole(name, value) => host.alter_role(stack, &setting(name), value),
            Self::MoveTag => {
                host.tag(&machine.image(), ImageFiles::ours());
            }
            Self::BreakConf => host.break_conf(stack, 1),
            Self::RepairConf => host.repair_conf(stack),
            Self::DockerPause => host.docker_pause(stack),
            Self::DockerUnpause => host.docker_unpause(stack),
            Self::ForceRecreate => host.compose_force_recreate(stack),
            Self::Untag => host.untag(&machine.image()),
            Self::MountElsewhere => host.mount_elsewhere(stack, Some(&machine.other())),
            Self::MountNoMore => host.mount_elsewhere(stack, None),
            Self::TakePort => host.take_port(machine.port, "another program on this host"),
            Self::LeavePort => drop(host.taken_ports.remove(&machine.port)),
            Self::PinOnCommandLine(name, value) => {
                host.pin_on_command_line(stack, &setting(name), value)
            }
            Self::Rename => host.docker_rename(stack, &machine.other()),
            Self::Disconnect => host.disconnect(stack),
            Self::AlterPassword => host.alter_password(stack),
            Self::PoisonAutoConf => host.poison_auto_conf(stack),
            Self::MakeAutoConfUnreadable => host.make_auto_conf_unreadable(stack),
            Self::EmptyAutoConf => host.empty_auto_conf(stack),
            Self::EditAutoConf(name, value) => {
                host.edit_auto_conf(stack, &setting(name), Some(value));
            }
            Self::AlterDatabase(name, value) => host.alter_database(stack, &setting(name), value),
            Self::ResetDatabase(_) => host.reset_pins(stack),
            Self::DropExtension(name) => host.drop_extension(stack, "postgres", name),
            Self::OlderCollation(database) => host.has_an_older_collation(stack, database),
        }
    }

    pub fn on_real(&self, machine: &Machine) {
        const AUTO_CONF: &str = "/var/lib/postgresql/18/docker/postgresql.auto.conf";
        const CONF: &str = "/var/lib/postgresql/18/docker/postgresql.conf";
        let container = &machine.container();
        let reload = "SELECT pg_reload_conf()";
        match self {
            Self::DockerStop => drop(docker(&["stop", container])),
            Self::DockerRestart => drop(docker(&["restart", container])),
            Self::DockerRm => drop(docker(&["rm", "-f", container])),
            Self::DockerUpdateMemory(memory) => {
                let memory = memory.0.to_string();
                docker(&[
                    "update",
                    "--memory",
                    &memory,
                    "--memory-swap",
                    &memory,
                    container,
                ]);
            }
            Self::AlterSystem(name, value) => {
                machine.sql(&[&format!("ALTER SYSTEM SET {name} = '{value}'"), reload]);
            }
            Self::ResetPastLibraries(name) => {
                let past = "PGOPTIONS=-c session_preload_libraries= -c local_preload_libraries=";
                let reset = format!("ALTER SYSTEM RESET {name}");
                docker(&[
                    "exec", "-e", past, container, "psql", "-XAtqU", "postgres", "-c", &reset,
                    "-c", reload,
                ]);
            }
            Self::AlterRole(name, value) => {
                machine.sql(&[&format!("ALTER ROLE postgres SET {name} = '{value}'")]);
            }
            Self::MoveTag => build(&machine.image()),
            Self::BreakConf => {
                docker(&[
                    "exec",
                    container,
                    "sed",
                    "-i",
                    "1i this is = no = line",
                    CONF,
                ]);
            }
            Self::RepairConf => drop(docker(&["exec", container, "sed", "-i", "1d", CONF])),
            Self::DockerPause => drop(docker(&["pause", container])),
            Self::DockerUnpause => drop(docker(&["unpause", container])),
            Self::ForceRecreate => machine.compose(&["up", "-d", "--force-recreate"]),
            Self::Untag => drop(docker(&["rmi", "--no-prune", &machine.image()])),
            Self::MountElsewhere => {
                let (other, volume) = (machine.other(), format!("{}_pgdata:/data", machine.name));
                docker(&[
                    "run",
                    "-d",
                    "--name",
                    &other,
                    "-v",
                    &volume,
                    "--entrypoint",
                    "sleep",
                    IMAGE,
                    "600",
                ]);
            }
            Self::MountNoMore => drop(docker(&["rm", "-f", "-v", &machine.other()])),
            Self::TakePort => {
                let listener = std::net::TcpListener::bind(("127.0.0.1", machine.port)).unwrap();
                machine.listener.replace(Some(listener));
            }
            Self::LeavePort => drop(machine.listener.take()),
            Self::PinOnCommandLine(name, value) => {
                let file = machine.stack_dir().join("compose.yml");
                let text = std::fs::read_to_string(&file).unwrap();
                let command = format!(
                    "    image: {}\n    command: ['-c', '{name}={value}']\n",
                    machine.image()
                );
                let image = text
                    .lines()
                    .find(|l| l.trim_start().starts_with("image:"))
                    .unwrap();
                std::fs::write(&file, text.replacen(&format!("{image}\n"), &command, 1)).unwrap();
                machine.compose(&["up", "-d"]);
            }
            Self::Rename => drop(docker(&["rename", container, &machine.other()])),
            Self::Disconnect => {
                let network = format!("{}_default", machine.name);
                docker(&["network", "disconnect", &network, container]);
            }
            Self::AlterPassword => {
                machine.sql(&["ALTER ROLE postgres PASSWORD 'another'"]);
            }
            Self::PoisonAutoConf => {
                machine.sql(&["ALTER SYSTEM SET \"a.b.c\" = 'x'"]);
            }
            Self::MakeAutoConfUnreadable => {
                docker(&["exec", container, "chmod", "0", AUTO_CONF]);
            }
            Self::EmptyAutoConf => {
                docker(&["exec", container, "truncate", "--size", "0", AUTO_CONF]);
            }
            Self::EditAutoConf(name, value) => {
                let edit = format!("echo \"{name} = '{value}'\" >>{AUTO_CONF}");
                docker(&["exec", container, "sh", "-c", &edit]);
            }
            Self::AlterDatabase(name, value) => {
                machine.sql(&[&format!("ALTER DATABASE postgres SET {name} = '{value}'")]);
            }
            Self::ResetDatabase(name) => {
                machine.sql(&[&format!("ALTER DATABASE postgres RESET {name}")]);
            }
            Self::DropExtension(name) => {
                machine.sql(&[&format!("DROP EXTENSION {name}")]);
            }
            Self::OlderCollation(database) => {
                machine.sql(&[
                    &format!(
                        "CREATE DATABASE {database} TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'en_US.utf8'"
                    ),
                    &format!(
                        "UPDATE pg_database SET datcollversion = '2.36' WHERE datname = '{database}'"
                    ),
                ]);
            }
        }
    }
}

/// Makes an image that differs from ours by a label only.
fn build(reference: &str) {
    let mut child = Command::new("docker")
        .args(["build", "--quiet", "--tag", reference, "-"])
        .env("DOCKER_BUILDKIT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    write!(
        input,
        "FROM {IMAGE}\nLABEL aza.test.moved=\"{reference}\"\n"
    )
    .unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
}
