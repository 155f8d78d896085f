//! SIGKILL between any two deeds: every story is told once whole, and once for each deed after which the
//! agent dies. It starts again and ends at the same place, with no more starts of the server and the same
//! data. Not at random: at every place that there is.
//!
//! A deed is a call that changes the world, writing down what is remembered included. A recreate is two,
//! and a start by Compose too: a killed Compose leaves the old container gone, or the new one made and not
//! started.

use std::collections::BTreeSet;

use aza_agent::api::Bytes;
use aza_agent::api::condition::ConditionType;
use aza_agent::reconcile::Next;
use aza_agent::sim::{Host, ImageFiles, StackBuilder, stack};

use crate::scene::{Scene, name};

/// More deeds than any story has.
const ENOUGH: u32 = 200;
/// More passes than any story has, the repeated ones included.
const PATIENCE: usize = 60;

/// Where a story ends, without what differs each time: ids and times.
#[derive(Debug, PartialEq)]
struct End {
    container: String,
    cluster: String,
    declared: Option<String>,
    approvals: usize,
    conditions: Vec<String>,
}

/// Lets a story go on to its end. Returns the end, how often the server was started meanwhile, and whether
/// the agent was killed.
fn end(scene: &mut Scene) -> (End, usize, bool) {
    let (mut starts, mut killed) = (BTreeSet::new(), false);
    // A server that came up: what Docker tries in vain is none.
    let start = |host: &Host| {
        let container = host.container("db")?;
        let server = container.postmaster.as_ref()?;
        Some((container.facts.id.clone(), server.started_at))
    };
    let before = start(&scene.host);
    for _ in 0..PATIENCE {
        let pass = scene.agent.pass(&mut scene.host);
        starts.extend(start(&scene.host).filter(|now| Some(now) != before.as_ref()));
        match pass {
            Some(after) if matches!(after.next, Next::Quiet(_)) => break,
            Some(_) => {}
            None => killed = true,
        }
    }
    let container = scene.host.container("db").map(|c| {
        let f = &c.facts;
        format!(
            "{:?} {} {:?} {:?} {:?} {:?} {:?}",
            f.state, f.image_id, f.memory, f.cpus, f.shm_size, f.published, c.made_with.memory
        )
    });
    let told = scene.agent.conditions.iter();
    let told = told.map(|c| format!("{} {} {}", c.kind, c.status, c.reason));
    let end = End {
        container: container.unwrap_or_default(),
        cluster: format!("{:#?}", scene.host.cluster("db")),
        declared: scene.host.declared.get("db").cloned(),
        approvals: scene.host.approvals.len(),
        conditions: told.collect(),
    };
    (end, starts.len(), killed)
}

/// Tells the story whole, and with the agent killed after each number of deeds.
fn killed_everywhere(begin: &Scene) {
    let again = || Scene {
        host: begin.host.clone(),
        agent: begin.agent.clone(),
    };
    let (whole, starts, _) = end(&mut again());
    let mut places = 0;
    for deeds in 0..ENOUGH {
        let mut scene = again();
        scene.host.crash_after(deeds);
        let (ended, started, killed) = end(&mut scene);
        if !killed {
            break;
        }
        places += 1;
        let at = format!("killed after {deeds} deeds:\n{}", scene.status());
        assert_eq!(
            ended.cluster_without_identity(),
            whole.cluster_without_identity(),
            "{at}"
        );
        assert_eq!(
            (
                &ended.container,
                &ended.declared,
                &ended.approvals,
                &ended.conditions
            ),
            (
                &whole.container,
                &whole.declared,
                &whole.approvals,
                &whole.conditions
            ),
            "{at}"
        );
        assert!(
            started <= starts,
            "{started} starts instead of {starts}, {at}"
        );
        assert!(scene.plan().is_empty(), "{:#?}, {at}", scene.plan());
    }
    assert!(places > 2, "only {places} places to be killed at");
}

impl End {
    /// A cluster that is made in the story has an identity of its own each time.
    fn cluster_without_identity(&self) -> String {
        let lines = self.cluster.lines();
        let rest = lines.filter(|l| !l.contains("system_identifier"));
        rest.collect::<Vec<_>>().join("\n")
    }
}

/// A running stack with data in it, and what happens to it.
fn story(first: StackBuilder, happens: impl FnOnce(&mut Scene)) {
    on(Host::new(), first, happens);
}

fn on(host: Host, first: StackBuilder, happens: impl FnOnce(&mut Scene)) {
    let mut scene = Scene::on(host, first);
    scene.settle();
    assert!(scene.agent.is(ConditionType::Ready), "{}", scene.status());
    scene.host.insert_rows("db", 42);
    happens(&mut scene);
    let identity = |scene: &Scene| {
        scene
            .host
            .cluster("db")
            .map(|c| c.system_identifier.clone())
    };
    let before = identity(&scene);
    killed_everywhere(&scene);
    assert_eq!(before, identity(&scene));
}

#[test]
fn while_a_stack_is_made() {
    killed_everywhere(&Scene::new(
        stack("db").with_setting("max_connections", "77"),
    ));
}

#[test]
fn while_a_stack_is_made_whose_first_boot_is_slow() {
    let mut host = Host::new();
    host.patience = jiff::SignedDuration::ZERO;
    killed_everywhere(&Scene::on(host, stack("db").with_extension("hstore")));
}

#[test]
fn while_memory_grows() {
    story(stack("db").with_memory("1GiB"), |scene| {
        scene.save(stack("db").with_memory("4GiB"));
    });
}

#[test]
fn while_memory_shrinks() {
    for cgroup in [
        aza_agent::facts::CgroupVersion::V1,
        aza_agent::facts::CgroupVersion::V2,
    ] {
        let mut host = Host::new();
        host.cgroup = cgroup;
        on(host, stack("db").with_memory("4GiB"), |scene| {
            scene.save(stack("db").with_memory("1GiB"));
        });
    }
}

#[test]
fn while_a_setting_is_changed_and_taken_back() {
    story(stack("db"), |scene| {
        scene.save(stack("db").with_setting("work_mem", "32MB"));
    });
    story(stack("db").with_setting("work_mem", "32MB"), |scene| {
        scene.save(stack("db"));
    });
}

#[test]
fn while_a_setting_costs_a_restart() {
    story(stack("db"), |scene| {
        scene.save(
            stack("db")
                .with_setting("max_connections", "77")
                .with_setting("work_mem", "3MB"),
        );
    });
}

/// An approval is used up before the restart begins, so that one approval never leads to two. Killed just
/// then, the agent asks for another.
#[test]
fn while_an_approved_restart_is_made() {
    let manual = || stack("db").restarts_manually();
    let mut begin = Scene::running(manual());
    begin.save(manual().with_setting("max_connections", "77"));
    begin.host.approve("db");
    let mut asked_again = 0;
    for deeds in 0..ENOUGH {
        let mut scene = Scene {
            host: begin.host.clone(),
            agent: begin.agent.clone(),
        };
        scene.host.crash_after(deeds);
        let (_, starts, killed) = end(&mut scene);
        if !killed {
            break;
        }
        if starts == 0 {
            let plan = scene.plan();
            assert_eq!(plan.waiting[0].reason, "ApprovalNeeded", "{plan:#?}");
            asked_again += 1;
            scene.host.approve("db");
            assert_eq!(end(&mut scene).1, 1, "killed after {deeds} deeds");
        }
        assert_eq!(
            scene.show("max_connections"),
            "77",
            "killed after {deeds} deeds"
        );
        assert!(
            scene.host.approvals.is_empty(),
            "killed after {deeds} deeds"
        );
    }
    assert_eq!(asked_again, 1);
}

#[test]
fn while_a_container_is_made_again_from_another_image() {
    story(stack("db"), |scene| {
        scene.host.tag("aza-pg:18", ImageFiles::ours());
    });
}

#[test]
fn while_a_container_is_made_again_for_a_port_and_a_setting() {
    story(stack("db"), |scene| {
        scene.save(
            stack("db")
                .with_port(5433)
                .with_setting("max_connections", "77"),
        );
    });
}

#[test]
fn while_a_limit_is_taken_out() {
    story(stack("db"), |scene| {
        scene.save(stack("db").without_memory())
    });
}

#[test]
fn while_extensions_come_and_go() {
    story(stack("db").with_extension("hstore"), |scene| {
        scene.save(
            stack("db")
                .without_extension("hstore")
                .with_extension("earthdistance"),
        );
    });
}

#[test]
fn while_an_extension_is_preloaded() {
    let mut host = Host::new();
    let files = ImageFiles::ours()
        .with_library("pg_wait_sampling")
        .with_extension("pg_wait_sampling", &["1.1"], &[]);
    host.tag("aza-pg:18", files);
    on(host, stack("db"), |scene| {
        scene.save(stack("db").with_extension("pg_wait_sampling"));
    });
}

#[test]
fn while_drift_is_put_right() {
    story(stack("db"), |scene| {
        scene.host.alter_system("db", &name("work_mem"), "64MB");
        scene
            .host
            .alter_system("db", &name("max_connections"), "300");
        scene.host.docker_update_memory("db", Bytes::gib(2));
    });
}

#[test]
fn while_a_stopped_or_removed_container_comes_back() {
    story(stack("db"), |scene| scene.host.docker_stop("db"));
    story(stack("db"), |scene| scene.host.docker_rm("db"));
    story(stack("db").with_memory("1GiB"), |scene| {
        scene.save(stack("db").with_memory("2GiB"));
        scene.host.docker_rm("db");
    });
}

#[test]
fn while_the_entrypoint_of_another_image_fails() {
    story(stack("db"), |scene| {
        scene
            .host
            .tag("aza-pg:18", ImageFiles::ours().without_library("pgaudit"));
        scene.pass();
        scene.pass();
        scene.host.tag("aza-pg:18", ImageFiles::ours());
    });
}

#[test]
fn while_what_hands_broke_is_repaired() {
    story(stack("db").with_setting("work_mem", "7MB"), |scene| {
        scene.host.poison_auto_conf("db");
    });
    story(stack("db").with_setting("work_mem", "7MB"), |scene| {
        scene.host.poison_auto_conf("db");
        scene.host.docker_stop("db");
    });
    story(stack("db"), |scene| {
        scene.host.leave_half_recreated("db");
    });
    story(stack("db"), |scene| {
        scene.host.docker_rename("db", "db-postgres-old");
    });
    story(stack("db"), |scene| {
        scene.host.remove_network("db");
        scene.host.alter_password("db");
    });
}
