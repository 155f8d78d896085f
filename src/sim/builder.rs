//! Manifests for tests, in a line: `stack("db").with_memory("4GiB")`. They go through the same
//! validation as those of people, so no test holds a `Desired` that nobody could write.

use crate::api::desired::Desired;
use crate::api::validate::validate;

/// A manifest in the making.
#[derive(Debug, Clone)]
pub struct StackBuilder {
    name: String,
    resources: Vec<(&'static str, String)>,
    fields: Vec<(&'static str, String)>,
    settings: Vec<(String, String)>,
    extensions: Vec<String>,
}

/// Begins a manifest: 1 GB of memory, 2 CPUs, no workload.
#[must_use]
pub fn stack(name: &str) -> StackBuilder {
    StackBuilder {
        name: name.to_owned(),
        resources: vec![("memory", "1GiB".into()), ("cpus", "2".into())],
        fields: Vec::new(),
        settings: Vec::new(),
        extensions: Vec::new(),
    }
}

impl StackBuilder {
    fn resource(mut self, field: &'static str, value: &str) -> Self {
        self.resources.retain(|(name, _)| *name != field);
        self.resources.push((field, value.to_owned()));
        self
    }

    fn field(mut self, field: &'static str, value: impl Into<String>) -> Self {
        self.fields.retain(|(name, _)| *name != field);
        self.fields.push((field, value.into()));
        self
    }

    /// `resources.memory`
    #[must_use]
    pub fn with_memory(self, memory: &str) -> Self {
        self.resource("memory", memory)
    }

    /// No `resources.memory`: as much as the host has.
    #[must_use]
    pub fn without_memory(mut self) -> Self {
        self.resources.retain(|(name, _)| *name != "memory");
        self
    }

    /// `resources.cpus`
    #[must_use]
    pub fn with_cpus(self, cpus: &str) -> Self {
        self.resource("cpus", cpus)
    }

    /// `resources.shmSize`
    #[must_use]
    pub fn with_shm(self, size: &str) -> Self {
        self.resource("shmSize", size)
    }

    /// `image`
    #[must_use]
    pub fn with_image(self, image: &str) -> Self {
        self.field("image", image)
    }

    /// `workload`
    #[must_use]
    pub fn with_workload(self, workload: &str) -> Self {
        self.field("workload", workload)
    }

    /// `publish.port`
    #[must_use]
    pub fn with_port(self, port: u16) -> Self {
        self.field("publish", format!("{{port: {port}}}"))
    }

    /// `settings`, one more
    #[must_use]
    pub fn with_setting(mut self, name: &str, value: &str) -> Self {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `extensions`, one more, in the database `postgres`
    #[must_use]
    pub fn with_extension(self, name: &str) -> Self {
        self.with_extension_in("postgres", name)
    }

    /// `extensions`, one more
    #[must_use]
    pub fn with_extension_in(mut self, database: &str, name: &str) -> Self {
        self.extensions
            .push(format!("{{name: {name}, database: {database}}}"));
        self
    }

    /// `extensions`, one more with a version
    #[must_use]
    pub fn with_extension_version(mut self, name: &str, version: &str) -> Self {
        self.extensions
            .push(format!("{{name: {name}, version: '{version}'}}"));
        self
    }

    /// `extensions`, one that shall not be there
    #[must_use]
    pub fn without_extension(mut self, name: &str) -> Self {
        self.extensions
            .push(format!("{{name: {name}, ensure: absent}}"));
        self
    }

    /// `restart.mode: manual`
    #[must_use]
    pub fn restarts_manually(self) -> Self {
        self.field("restart", "{mode: manual}")
    }

    /// `restart.mode: window`
    #[must_use]
    pub fn restarts_in(self, window: &str) -> Self {
        self.field(
            "restart",
            format!("{{mode: window, windows: ['{window}']}}"),
        )
    }

    /// `drift: report`
    #[must_use]
    pub fn reports_drift(self) -> Self {
        self.field("drift", "report")
    }

    /// `suspend: true`
    #[must_use]
    pub fn suspended(self) -> Self {
        self.field("suspend", "true")
    }

    /// `adopt: true`
    #[must_use]
    pub fn adopting(self) -> Self {
        self.field("adopt", "true")
    }

    /// Returns the manifest's text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "apiVersion: aza.dev/v1alpha1\nkind: PostgresStack\nmetadata:\n  name: {}\nspec:\n",
            self.name
        );
        let mut block = |name: &str, lines: &[String]| {
            if !lines.is_empty() {
                text.push_str(&format!("  {name}:\n"));
                lines
                    .iter()
                    .for_each(|l| text.push_str(&format!("    {l}\n")));
            }
        };
        let pair = |(name, value): &(&str, String)| format!("{name}: {value}");
        block(
            "resources",
            &self.resources.iter().map(pair).collect::<Vec<_>>(),
        );
        let quoted = |(name, value): &(String, String)| format!("{name}: '{value}'");
        block(
            "settings",
            &self.settings.iter().map(quoted).collect::<Vec<_>>(),
        );
        let item = |item: &String| format!("- {item}");
        block(
            "extensions",
            &self.extensions.iter().map(item).collect::<Vec<_>>(),
        );
        for (name, value) in &self.fields {
            text.push_str(&format!("  {name}: {value}\n"));
        }
        if self.fields.is_empty() {
            text.push_str("  stack: single\n");
        }
        text
    }

    /// Reads the manifest as the agent would.
    ///
    /// # Errors
    /// Every violation, a line each.
    pub fn read(&self) -> Result<Desired, String> {
        let report = validate(self.text().as_bytes(), &format!("{}.yaml", self.name));
        let violations: Vec<String> = report.violations().map(ToString::to_string).collect();
        match report.stacks().next() {
            Some(desired) if violations.is_empty() => Ok(desired.clone()),
            Some(_) | None => Err(violations.join("\n")),
        }
    }

    /// Returns the stack.
    ///
    /// # Panics
    /// The manifest is invalid: then the test that wrote it is wrong.
    #[must_use]
    pub fn desired(&self) -> Desired {
        self.read()
            .unwrap_or_else(|wrong| panic!("{wrong}\n{}", self.text()))
    }
}
