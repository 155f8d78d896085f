//! What happens in a day: one thing after another, with realistic gaps, and the end of what has one.
//!
//! The whole list is drawn from the seed before the day begins, so that one of them can be left out and
//! the others stay as they were: a failing day is told with those that it takes.

use aza_agent::api::{Bytes, MilliCpu};
use aza_agent::sim::{Host, ImageFiles, Sight};
use jiff::SignedDuration;

use super::chance::Chance;
use super::day::Day;
use crate::random::{self, Mode, Wish};
use crate::scene::name;

/// One thing that happens.
pub struct Fault {
    /// What it is, as a person would type or tell it.
    pub words: String,
    /// Whether Docker tells of it.
    pub is_heard: bool,
    pub does: Does,
}

/// To what it happens.
pub enum Does {
    /// To the host; then it can happen in the middle of a pass too.
    Host(Box<dyn Fn(&mut Host) + Send>),
    /// To the agent, or to the directory of manifests.
    Agent(Box<dyn Fn(&mut Day) + Send>),
}

/// What happens, and when, from the day's beginning on. What belongs together has one number.
pub type Schedule = Vec<(SignedDuration, usize, Fault)>;

/// The last thing happens between these hours; what follows is quiet.
const LAST_HOURS: (f64, f64) = (10.0, 20.0);

/// Draws a day.
pub fn schedule(chance: &mut Chance) -> Schedule {
    let last = hours(chance.between(LAST_HOURS.0, LAST_HOURS.1));
    let mut schedule = Schedule::new();
    let mut at = seconds(60.0);
    // Where the volume is away nobody approves what is there instead, and the agent keeps its memory.
    let mut volume_away = SignedDuration::ZERO;
    let mut number = 0;
    while at < last {
        let drawn = draw(chance, at < volume_away);
        if let Some((lasts, end)) = drawn.end {
            if drawn.takes_volume {
                volume_away = at + lasts;
            }
            schedule.push(((at + lasts).min(last), number, end));
        }
        schedule.push((at, number, drawn.begin));
        number += 1;
        at += gap(chance);
    }
    let wish = Spec::draw(chance);
    schedule.push((last, number, wish.saved()));
    schedule.sort_by_key(|(at, number, _)| (*at, *number));
    schedule
}

/// Much at once, or nothing for an hour.
fn gap(chance: &mut Chance) -> SignedDuration {
    seconds(match chance.below(6) {
        0 => chance.between(0.0, 2.0),
        1 => chance.between(1.0, 60.0),
        2 => chance.between(60.0, 600.0),
        _ => chance.between(600.0, 5400.0),
    })
}

fn hours(number: f64) -> SignedDuration {
    seconds(number * 3600.0)
}

fn seconds(number: f64) -> SignedDuration {
    SignedDuration::from_millis((number * 1000.0) as i64)
}

/// A thing, and its end where it has one.
struct Drawn {
    begin: Fault,
    end: Option<(SignedDuration, Fault)>,
    takes_volume: bool,
}

impl From<Fault> for Drawn {
    fn from(begin: Fault) -> Self {
        Self {
            begin,
            end: None,
            takes_volume: false,
        }
    }
}

/// Docker tells of it.
fn heard(words: impl Into<String>, does: impl Fn(&mut Host) + Send + 'static) -> Fault {
    Fault {
        words: words.into(),
        is_heard: true,
        does: Does::Host(Box::new(does)),
    }
}

/// Nobody tells of it: the next look finds it.
fn unheard(words: impl Into<String>, does: impl Fn(&mut Host) + Send + 'static) -> Fault {
    Fault {
        is_heard: false,
        ..heard(words, does)
    }
}

fn agent(words: impl Into<String>, does: impl Fn(&mut Day) + Send + 'static) -> Fault {
    Fault {
        words: words.into(),
        is_heard: false,
        does: Does::Agent(Box::new(does)),
    }
}

/// It lasts for seconds, minutes or most of an hour.
fn lasting(chance: &mut Chance, begin: Fault, end: Fault) -> Drawn {
    let lasts = match chance.below(4) {
        0 => chance.between(0.5, 10.0),
        1 => chance.between(10.0, 120.0),
        2 => chance.between(120.0, 900.0),
        _ => chance.between(900.0, 3000.0),
    };
    Drawn {
        begin,
        end: Some((seconds(lasts), end)),
        takes_volume: false,
    }
}

const LINES: [(&str, &str); 7] = [
    ("work_mem", "64MB"),
    ("shared_buffers", "256MB"),
    ("max_connections", "300"),
    ("deadlock_timeout", "7s"),
    ("random_page_cost", "3"),
    ("checkpoint_timeout", "1min"),
    ("max_worker_processes", "3"),
];

fn draw(chance: &mut Chance, volume_is_away: bool) -> Drawn {
    let what = chance.below(36);
    match what {
        0..=4 => manifest(chance).into(),
        5..=9 => container(chance),
        10..=14 => settings(chance),
        15..=17 => files(chance),
        18..=20 => limits_and_images(chance),
        21..=23 => starts(chance),
        24..=26 => sight(chance),
        27..=28 if volume_is_away => container(chance),
        27 => agent("aza-agent approve db", |day| day.host.approve("db")).into(),
        28 => state_lost(chance),
        29 => {
            let begin = unheard("the state directory's disk is full", |h| {
                h.state_is_full = true;
            });
            let end = unheard("the disk has room", |h| h.state_is_full = false);
            lasting(chance, begin, end)
        }
        30..=33 => killed(chance),
        34 if volume_is_away => sight(chance),
        34 => Drawn {
            takes_volume: true,
            ..volume_away(chance)
        },
        _ => unheard("users store rows", |h| h.insert_rows("db", 7)).into(),
    }
}

fn container(chance: &mut Chance) -> Drawn {
    match chance.below(14) {
        0 => heard("docker stop", |h| h.docker_stop("db")).into(),
        1 => heard("docker restart", |h| h.docker_restart("db")).into(),
        2 => heard("docker rm -f", |h| h.docker_rm("db")).into(),
        3 => heard("docker compose up --force-recreate", |h| {
            h.compose_force_recreate("db");
        })
        .into(),
        4 => heard("kill -9 of the postmaster", |h| h.kill_postmaster("db")).into(),
        5 => unheard("kill -9 of a backend", |h| h.kill_backend("db")).into(),
        6 => unheard("a backend is killed for memory", |h| {
            h.oom_kill_backend("db");
        })
        .into(),
        7 => {
            let begin = unheard("the disk is nearly full", |h| h.leave_free(Bytes::mib(200)));
            let end = unheard("the disk has room again", |h| h.leave_free(Bytes::gib(200)));
            lasting(chance, begin, end)
        }
        9 => heard("docker rename", |h| {
            h.docker_rename("db", "db-postgres-old")
        })
        .into(),
        10 => heard("a compose call is cut short", |h| {
            h.leave_half_recreated("db");
        })
        .into(),
        11 => unheard("docker network disconnect", |h| h.disconnect("db")).into(),
        12 => unheard("docker network rm", |h| h.remove_network("db")).into(),
        8 => heard("docker start", |h| h.docker_start("db")).into(),
        _ => {
            let begin = heard("docker pause", |h| h.docker_pause("db"));
            let end = heard("docker unpause", |h| h.docker_unpause("db"));
            lasting(chance, begin, end)
        }
    }
}

fn settings(chance: &mut Chance) -> Drawn {
    let (line, value) = chance.pick(&LINES);
    let setting = name(line);
    match chance.below(8) {
        7 => unheard("ALTER ROLE postgres PASSWORD", |h| h.alter_password("db")).into(),
        0 => unheard(format!("ALTER SYSTEM RESET {line}"), move |h| {
            h.reset_system("db", &setting);
        })
        .into(),
        1 => {
            let words = format!("ALTER ROLE postgres SET {line} = '{value}'");
            let begin = unheard(words, move |h| h.alter_role("db", &setting, value));
            let end = unheard("ALTER ROLE postgres RESET ALL", |h| h.reset_pins("db"));
            lasting(chance, begin, end)
        }
        2 => {
            let words = format!("ALTER DATABASE postgres SET {line} = '{value}'");
            let begin = unheard(words, move |h| h.alter_database("db", &setting, value));
            let end = unheard("ALTER DATABASE postgres RESET ALL", |h| h.reset_pins("db"));
            lasting(chance, begin, end)
        }
        3 => {
            let extension = chance.pick(&random::EXTENSIONS);
            unheard(format!("DROP EXTENSION {extension}"), move |h| {
                h.drop_extension("db", "postgres", extension);
            })
            .into()
        }
        _ => unheard(format!("ALTER SYSTEM SET {line} = '{value}'"), move |h| {
            h.alter_system("db", &setting, value);
        })
        .into(),
    }
}

fn files(chance: &mut Chance) -> Drawn {
    let (line, value) = chance.pick(&LINES);
    match chance.below(6) {
        4 => unheard("ALTER SYSTEM SET \"a.b.c\"", |h| h.poison_auto_conf("db")).into(),
        5 => unheard("postgresql.auto.conf belongs to root", |h| {
            h.make_auto_conf_unreadable("db");
        })
        .into(),
        0 => unheard("postgresql.auto.conf is emptied", |h| {
            h.empty_auto_conf("db");
        })
        .into(),
        1 => {
            let setting = name(line);
            let words = format!("{line} = '{value}' is written into postgresql.auto.conf");
            unheard(words, move |h| {
                h.edit_auto_conf("db", &setting, Some(value))
            })
            .into()
        }
        2 => {
            let setting = name(line);
            let words = format!("{line} is taken out of postgresql.auto.conf");
            unheard(words, move |h| h.edit_auto_conf("db", &setting, None)).into()
        }
        _ => {
            let begin = unheard("postgresql.conf gets a syntax error", |h| {
                h.break_conf("db", 12);
            });
            let end = unheard("postgresql.conf is repaired", |h| h.repair_conf("db"));
            lasting(chance, begin, end)
        }
    }
}

fn limits_and_images(chance: &mut Chance) -> Drawn {
    match chance.below(5) {
        0 => {
            let memory = Bytes::mib(chance.pick(&[700, 1500, 3000, 6000]));
            heard(format!("docker update --memory {memory}"), move |h| {
                h.docker_update_memory("db", memory);
            })
            .into()
        }
        1 => {
            let cpus = MilliCpu(chance.pick(&[700, 1400, 3000]));
            heard(format!("docker update --cpus {cpus}"), move |h| {
                h.docker_update_cpus("db", cpus);
            })
            .into()
        }
        2 => {
            let memory = Bytes::mib(chance.pick(&[700, 1500, 3000]));
            let words = format!("mem_limit: {memory} in the compose file, and up -d");
            heard(words, move |h| h.compose_up_with("db", memory)).into()
        }
        3 => unheard("the image is built anew", |h| {
            h.tag("aza-pg:18", ImageFiles::ours());
        })
        .into(),
        _ => {
            let begin = unheard("docker rmi aza-pg:18", |h| h.untag("aza-pg:18"));
            let end = unheard("docker load", |h| {
                h.tag("aza-pg:18", ImageFiles::ours());
            });
            lasting(chance, begin, end)
        }
    }
}

/// What stands against a start; the container goes down soon after.
fn starts(chance: &mut Chance) -> Drawn {
    let (begin, end) = if chance.one_in(2) {
        let begin = unheard("another program takes the port", |h| {
            h.docker_stop("db");
            h.take_port(5432, "process `nc` (pid 99)");
        });
        (begin, unheard("it ends", |h| h.taken_ports.clear()))
    } else {
        let begin = unheard("another container mounts the volume", |h| {
            h.mount_elsewhere("db", Some("copy"));
        });
        let end = unheard("it goes", |h| h.mount_elsewhere("db", None));
        (begin, end)
    };
    lasting(chance, begin, end)
}

fn sight(chance: &mut Chance) -> Drawn {
    let sight = chance.pick(&Sight::ALL);
    let begin = unheard(format!("{sight:?} gives no answer"), move |h| {
        h.blind.insert(sight);
    });
    let end = Fault {
        // The stream of events breaks and begins again.
        is_heard: sight == Sight::Docker,
        ..unheard(format!("{sight:?} answers again"), move |h| {
            h.blind.remove(&sight);
        })
    };
    lasting(chance, begin, end)
}

fn state_lost(chance: &mut Chance) -> Drawn {
    if chance.one_in(2) {
        return agent("the state directory is removed", Day::loses_state).into();
    }
    agent("the agent is killed, its state directory is lost", |day| {
        day.loses_state();
        day.is_killed();
    })
    .into()
}

fn killed(chance: &mut Chance) -> Drawn {
    let deeds = u32::try_from(chance.below(14)).expect("small");
    match chance.below(4) {
        0 => {
            let begin = agent("the agent is stopped", Day::goes_down);
            lasting(chance, begin, agent("the agent is started", Day::comes_up))
        }
        1 => agent("the agent is killed", Day::is_killed).into(),
        _ => {
            let words = format!("the agent will be killed after {deeds} more deeds");
            agent(words, move |day| day.is_doomed(deeds)).into()
        }
    }
}

fn volume_away(chance: &mut Chance) -> Drawn {
    let begin = agent("docker rm -f, and the volume is moved away", |day| {
        day.volume_goes();
    });
    let end = agent("the volume is moved back", Day::volume_comes);
    lasting(chance, begin, end)
}

fn manifest(chance: &mut Chance) -> Fault {
    if chance.one_in(8) {
        return agent("a manifest is saved that is invalid", |day| {
            day.saves(Err("spec.settings.work_mem: `lots` is no size".into()));
        });
    }
    Spec::draw(chance).saved_or_held(chance)
}

/// A manifest, with what is to become of drift.
struct Spec {
    wish: Wish,
    reports: bool,
}

impl Spec {
    fn draw(chance: &mut Chance) -> Self {
        let mode = match chance.below(9) {
            0..=5 => Mode::Auto,
            6 => Mode::Window,
            _ => Mode::Manual,
        };
        let wish = Wish {
            memory: Some(chance.pick(&random::MEMORY)).filter(|_| !chance.one_in(10)),
            cpus: chance.pick(&random::CPUS),
            workload: Some(chance.pick(&random::WORKLOADS)).filter(|_| chance.one_in(2)),
            settings: chance.some(&random::SETTINGS, 3),
            extensions: chance.some(&random::EXTENSIONS, 2),
            mode,
            port: if chance.one_in(10) { 5433 } else { 5432 },
        };
        Self {
            wish: wish.possible(),
            reports: chance.one_in(8),
        }
    }

    fn saved(self) -> Fault {
        let held = "";
        self.fault(false, held)
    }

    fn saved_or_held(self, chance: &mut Chance) -> Fault {
        let suspended = chance.one_in(8);
        self.fault(suspended, if suspended { ", suspended" } else { "" })
    }

    fn fault(self, suspended: bool, held: &str) -> Fault {
        let mut manifest = self.wish.manifest();
        if self.reports {
            manifest = manifest.reports_drift();
        }
        if suspended {
            manifest = manifest.suspended();
        }
        let drift = if self.reports { ", drift: report" } else { "" };
        let words = format!("a manifest is saved{held}{drift}: {:?}", self.wish);
        agent(words, move |day| day.saves(Ok(manifest.desired())))
    }
}
