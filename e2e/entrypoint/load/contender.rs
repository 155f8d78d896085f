//! Who is put under load: the image as it tunes itself, PostgreSQL as it comes, and pgtune's answer to the same question.
//!
//! Stock and pgtune run the same programs without the container door: no limit on one process, no protection of process 1,
//! Docker's own 64 MB of /dev/shm, as such a container is commonly started. They are run with 1 GB of it as well,
//! because what fails there for want of /dev/shm never gets to use memory.

use aza_agent::api::{Bytes, Workload};

use crate::container::{Container, bare, run};

/// What everybody logs in with.
pub const PASSWORD: &str = "s3cret-word";
/// As the stacks have it.
const GENEROUS: Bytes = Bytes::gib(1);
/// Docker's own.
const DOCKERS: Bytes = Bytes::mib(64);

/// Where the settings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// The image; no workload means the reference profile.
    Image(Option<Workload>),
    /// The server's own defaults.
    Stock,
    /// pgtune (le0pard/pgtune, pgtune.leopard.in.ua) for this type of database.
    Pgtune(Workload),
}

/// One configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contender {
    pub from: From,
    /// Size of /dev/shm.
    pub shm: Bytes,
}

impl Contender {
    /// Returns the image with a workload.
    pub fn image(workload: Option<Workload>) -> Self {
        Self {
            from: From::Image(workload),
            shm: GENEROUS,
        }
    }

    /// Returns all of them, in the order of the table.
    pub fn all() -> Vec<Self> {
        let ours = Workload::ALL.map(Some).into_iter().chain([None]);
        let others = [
            From::Stock,
            From::Pgtune(Workload::Web),
            From::Pgtune(Workload::Mixed),
        ];
        let others = others
            .into_iter()
            .flat_map(|from| [DOCKERS, GENEROUS].map(|shm| Self { from, shm }));
        ours.map(Self::image).chain(others).collect()
    }

    /// Returns its name in the table.
    pub fn name(&self) -> String {
        match self.from {
            From::Image(Some(workload)) => workload.to_string(),
            From::Image(None) => "reference".to_owned(),
            From::Stock => "stock".to_owned(),
            From::Pgtune(workload) => format!("pgtune {workload}"),
        }
    }

    /// Returns what the budget counts queries for.
    pub fn workload(&self) -> Option<Workload> {
        match self.from {
            From::Image(workload) => workload,
            From::Stock => None,
            From::Pgtune(workload) => Some(workload),
        }
    }

    /// Starts its server, which may not take connections yet.
    pub fn start(&self, memory: Bytes) -> Container {
        let test = format!("mem-{}-{}", self.name().replace(' ', "-"), memory.as_mib());
        let limit = format!("{}m", memory.as_mib());
        let shm = format!("--shm-size={}m", self.shm.as_mib());
        // A probe needs a connection, and here there is none to spare.
        let dressed =
            |run: crate::container::Run| run.memory(&limit).option(&shm).option("--no-healthcheck");
        let settings = match self.from {
            From::Image(workload) => {
                let workload = workload.map_or("", Workload::as_str);
                return dressed(run(&test))
                    .env("POSTGRES_WORKLOAD", workload)
                    .start();
            }
            From::Stock => Vec::new(),
            From::Pgtune(workload) => pgtune(memory, workload),
        };
        let settings: String = settings
            .iter()
            .map(|(name, value)| format!(" -c {name}={value}"))
            .collect();
        let line = format!(
            "printf {PASSWORD} > /tmp/password && initdb -U postgres -A scram-sha-256 --pwfile=/tmp/password >&2 \
             && echo 'host all all all scram-sha-256' >> $PGDATA/pg_hba.conf \
             && exec postgres -c 'listen_addresses=*'{settings}"
        );
        dressed(bare(&test))
            .option("--entrypoint=sh")
            .start_with(&["-c", &line])
    }
}

/// Returns pgtune's settings for Linux, PostgreSQL 18, SSD, fewer than 4 CPUs and a database about as large as the memory.
///
/// By its published rules: connections 200, 300, 40, 100 (web, oltp, dw, mixed); a quarter for shared_buffers; 1/16 (dw 1/8)
/// for maintenance_work_mem; work_mem (memory − shared_buffers) ÷ 3 (connections + 8 worker processes), half of it for dw
/// and mixed, at least 4 MB. With fewer than 4 CPUs it leaves the parallel settings alone.
fn pgtune(memory: Bytes, workload: Workload) -> Vec<(&'static str, String)> {
    let kb = memory.0 / Bytes::KIB;
    let (connections, maintenance, share, wal_gb, statistics) = match workload {
        Workload::Web => (200, 16, 1, 4, 100),
        Workload::Oltp => (300, 16, 1, 8, 100),
        Workload::Dw => (40, 8, 2, 16, 500),
        Workload::Mixed => (100, 16, 2, 4, 100),
    };
    let shared_buffers = kb / 4;
    let work_mem = (kb - shared_buffers) / ((connections + 8) * 3) / share;
    let amount = |kb: u64| format!("{kb}kB");
    vec![
        ("max_connections", connections.to_string()),
        ("shared_buffers", amount(shared_buffers)),
        ("effective_cache_size", amount(kb * 3 / 4)),
        ("maintenance_work_mem", amount(kb / maintenance)),
        ("work_mem", amount(work_mem.max(4096))),
        ("max_wal_size", format!("{wal_gb}GB")),
        ("default_statistics_target", statistics.to_string()),
        (
            "random_page_cost",
            if workload == Workload::Dw { "4" } else { "1.1" }.to_owned(),
        ),
        ("effective_io_concurrency", "200".to_owned()),
        (
            "jit",
            if workload == Workload::Dw {
                "on"
            } else {
                "off"
            }
            .to_owned(),
        ),
        ("huge_pages", "off".to_owned()),
    ]
}
