//! The guest as a story tells of it: its agent's status, its Docker, its SQL.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use aza_agent::api::condition::{Condition, ConditionType, Truth};
use aza_agent::api::status::{Status, StatusFile};

use crate::machine::{Machine, Running};
use crate::shell::{Answer, Shell};

/// Longer than anything takes under emulation, a watchdog's limit and a first boot included.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often a boot is tried.
const BOOTS: usize = 3;
/// The container of the stack that the stories are about.
pub const CONTAINER: &str = "main-postgres";

/// A running machine with a shell in it.
pub struct Guest {
    shell: Shell,
    pub machine: Running,
}

/// Which container it is, and which start of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub id: String,
    pub started: String,
}

impl Guest {
    /// Switches the machine on and waits for its shell. A busy host makes an emulated kernel panic now and then
    /// before it has started anything: that is not what is tested, so it gets another try.
    pub fn boot(machine: &Machine) -> Self {
        let began = Instant::now();
        let mut said = Vec::new();
        while said.len() < BOOTS {
            let mut running = machine.start();
            match Shell::connect(&mut running) {
                Ok(shell) => {
                    println!("{:>6.1} s  boot", began.elapsed().as_secs_f64());
                    return Self {
                        shell,
                        machine: running,
                    };
                }
                Err(why) => said.push(why),
            }
        }
        panic!("the machine did not come up:\n{}", said.join("\n---\n"))
    }

    /// Tells one part of the story, and how long it took. A part that fails is told too, and the next one begins:
    /// a boot is dear, and who mends wants to know all that is broken. The story fails at its end.
    pub fn chapter<T>(
        &mut self,
        failed: &mut Vec<String>,
        name: &str,
        tell: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        println!("          {name} …");
        let began = Instant::now();
        let told = catch_unwind(AssertUnwindSafe(|| tell(self)));
        let took = began.elapsed().as_secs_f64();
        if let Ok(told) = told {
            println!("{took:>6.1} s  {name}");
            return Some(told);
        }
        println!("{took:>6.1} s  {name}: FAILED");
        failed.push(name.to_owned());
        // Where the shell does not answer either, this ends the test.
        self.ok("true");
        None
    }

    pub fn run(&mut self, script: &str) -> Answer {
        self.shell.run(script)
    }

    /// Runs a script that must succeed.
    pub fn ok(&mut self, script: &str) -> String {
        let answer = self.run(script);
        assert_eq!(
            answer.code,
            0,
            "{script}\n{}\n{}",
            answer.text,
            self.what_happened()
        );
        answer.text
    }

    /// Waits until something holds.
    pub fn wait(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(
                Instant::now() < until,
                "waited for: {what}\n{}",
                self.what_happened()
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Everything that one wants to know after a failure.
    pub fn what_happened(&mut self) -> String {
        let script = "aza-agent status main; systemctl status aza-agent docker --no-pager -n 0; timeout 10 docker ps -a; \
                      journalctl -u aza-agent --no-pager -n 40; timeout 10 docker logs --tail 15 main-postgres; dmesg | tail -n 15";
        self.run(script).text
    }

    /// What the agent tells, where it tells anything.
    pub fn status_file(&mut self) -> Option<StatusFile> {
        let answer = self.run("aza-agent status -o json 2>/dev/null");
        (answer.code == 0).then(|| serde_json::from_str(&answer.text).unwrap())
    }

    /// What it tells of `main`.
    pub fn status(&mut self) -> Option<Status> {
        let items = self.status_file()?.items;
        let main = items.into_iter().find(|i| i.metadata.name == "main");
        main.map(|item| item.status)
    }

    pub fn wait_status(&mut self, what: &str, mut holds: impl FnMut(&Status) -> bool) -> Status {
        let mut seen = None;
        self.wait(what, |guest| {
            seen = guest.status();
            seen.as_ref().is_some_and(&mut holds)
        });
        seen.unwrap()
    }

    /// Waits until the running agent itself has looked at the manifest in force and found all well.
    pub fn wait_ready(&mut self) -> Status {
        let pid = self.agent_pid();
        self.wait("the agent's status", |guest| {
            let agent = guest.status_file().and_then(|f| f.agent);
            agent.is_some_and(|a| a.pid.to_string() == pid)
        });
        self.wait_status("Ready", |s| s.is(ConditionType::Ready))
    }

    /// Saves the manifest of `main` with these lines under `spec`, and waits until it is the one in force.
    pub fn declare(&mut self, spec: &str) {
        let digest = self.save(spec);
        self.wait_status("the manifest in force", |s| {
            let current = |c: &Condition| c.observed_digest == digest;
            !s.conditions.is_empty() && s.conditions.iter().all(current)
        });
    }

    /// Saves the manifest, and returns its digest: the status has it after the first pass, steps included.
    pub fn save(&mut self, spec: &str) -> String {
        let spec: String = spec.lines().map(|l| format!("  {}\n", l.trim())).collect();
        let manifest = format!(
            "apiVersion: aza.dev/v1alpha1\nkind: PostgresStack\nmetadata:\n  name: main\nspec:\n  \
             secrets: {{superuser: {{file: /run/credentials/aza-agent.service/main}}}}\n{spec}"
        );
        let report = aza_agent::api::validate::validate(manifest.as_bytes(), "main.yaml");
        let wrong: Vec<String> = report.violations().map(ToString::to_string).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        let digest = report.stacks().next().unwrap().digest.clone();
        let directory = "/etc/aza-agent/desired-state";
        self.ok(&format!(
            "cat >{directory}/.main.new <<'END'\n{manifest}END\nmv {directory}/.main.new {directory}/main.yaml"
        ));
        digest
    }

    /// Waits until nothing is left to do: Ready, and no restart pending.
    pub fn wait_settled(&mut self) -> Status {
        self.wait_status("settled", |s| {
            let restart = s.condition(ConditionType::RestartRequired);
            s.is(ConditionType::Ready)
                && s.waiting.is_empty()
                && restart.is_some_and(|c| c.status == Truth::False)
        })
    }

    pub fn sql(&mut self, sql: &str) -> String {
        let psql = "psql -XAtqU postgres -v ON_ERROR_STOP=1";
        self.ok(&format!("docker exec {CONTAINER} {psql} -c \"{sql}\""))
    }

    pub fn identity(&mut self) -> Identity {
        let format = "'{{.Id}} {{.State.StartedAt}}'";
        let said = self.ok(&format!("docker inspect --format {format} {CONTAINER}"));
        let (id, started) = said.split_once(' ').unwrap();
        Identity {
            id: id.to_owned(),
            started: started.to_owned(),
        }
    }

    /// The limit that the kernel holds, out of the container's own cgroup.
    pub fn memory_max(&mut self) -> u64 {
        let scope = "/sys/fs/cgroup/system.slice/docker-$id.scope";
        let script = format!(
            "id=$(docker inspect --format '{{{{.Id}}}}' {CONTAINER}) && cat {scope}/memory.max"
        );
        self.ok(&script).parse().unwrap()
    }

    /// A property of the agent's unit.
    pub fn unit(&mut self, property: &str) -> String {
        self.ok(&format!("systemctl show --value -p {property} aza-agent"))
    }

    pub fn agent_pid(&mut self) -> String {
        self.unit("MainPID")
    }

    /// How often Docker started the container since that moment, by its own count.
    pub fn starts_since(&mut self, since: &str) -> usize {
        let filters = format!("--filter container={CONTAINER} --filter event=start");
        let said = self.ok(&format!(
            "docker events --since {since} --until $(date +%s.%N) {filters} --format x"
        ));
        said.lines().count()
    }

    pub fn now(&mut self) -> String {
        self.ok("date +%s.%N")
    }

    /// The steps that the agent began since that moment, by its journal.
    pub fn steps_since(&mut self, since: &str) -> Vec<String> {
        let said = self.ok(&format!(
            "journalctl -u aza-agent --since @{since} -o cat --no-pager AZA_STACK=main | \
             sed -n 's/.*: begins (step=\\([^,]*\\), what=.*/\\1/p'"
        ));
        said.lines().map(str::to_owned).collect()
    }
}
