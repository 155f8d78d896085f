//! What the meaning of a path depends on: each directory on the way to it, and each link.
//!
//! `/etc/aza/desired` with `aza -> /srv/live` and `live -> v7` means something else as soon as the name
//! `etc`, `aza`, `desired`, `srv`, `live` or `v7` does, each in its directory. That is the list of what to
//! watch. Manifests that are links are followed too: a mounted Kubernetes ConfigMap is a directory of links
//! through one link `..data` that is replaced.
//!
//! *Current limitations*: a directory on the way that may not be read is not watched.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::directory::is_manifest;

/// As many links as the kernel follows before it says "too many levels".
const MOST_LINKS: usize = 40;

/// What matters in one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interest {
    /// Whatever happens in it.
    Everything,
    /// What happens to these names.
    Names(BTreeSet<OsString>),
}

/// Directories to watch, by their real paths, and what matters in each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    /// The directories.
    pub directories: BTreeMap<PathBuf, Interest>,
}

impl Trail {
    /// Follows a path to the directory of manifests, and its manifests that are links. What is missing ends
    /// the trail: the directory where it should be is part of it.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        let mut trail = Self::default();
        let Some(real) = trail.follow(directory) else {
            return trail;
        };
        let links = fs::read_dir(&real).into_iter().flatten().flatten();
        for entry in links {
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if is_link && is_manifest(&entry.file_name()) {
                trail.follow(&entry.path());
            }
        }
        if real.is_dir() {
            trail.directories.insert(real, Interest::Everything);
        }
        trail
    }

    /// Whether an event at a path means something.
    #[must_use]
    pub fn concerns(&self, path: &Path) -> bool {
        let holder = path
            .parent()
            .and_then(|holder| self.directories.get(holder));
        let named = match holder {
            Some(Interest::Everything) => true,
            Some(Interest::Names(names)) => path.file_name().is_some_and(|n| names.contains(n)),
            None => false,
        };
        named || self.directories.contains_key(path)
    }

    /// Adds what a path depends on, and returns where it leads; `None` where it leads nowhere.
    fn follow(&mut self, path: &Path) -> Option<PathBuf> {
        let mut here = PathBuf::from("/");
        let mut rest: VecDeque<OsString> = names(path).collect();
        let mut links = 0;
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                here.pop();
                continue;
            }
            self.depends_on(&here, &name);
            let next = here.join(&name);
            if !fs::symlink_metadata(&next).ok()?.is_symlink() {
                here = next;
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return None;
            }
            let target = fs::read_link(&next).ok()?;
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            names(&target).rev().for_each(|name| rest.push_front(name));
        }
        Some(here)
    }

    fn depends_on(&mut self, directory: &Path, name: &OsStr) {
        let interest = self
            .directories
            .entry(directory.to_owned())
            .or_insert_with(|| Interest::Names(BTreeSet::new()));
        if let Interest::Names(names) = interest {
            names.insert(name.to_owned());
        }
    }
}

/// The names that a path is made of, `..` among them.
fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// The trail below a temporary directory, as text: `directory: names`.
    fn shown(trail: &Trail, root: &Path) -> Vec<String> {
        let below = trail.directories.iter().filter_map(|(path, interest)| {
            let path = path.strip_prefix(root).ok()?;
            let names = match interest {
                Interest::Everything => "everything".to_owned(),
                Interest::Names(names) => {
                    let names: Vec<_> = names.iter().map(|n| n.to_string_lossy()).collect();
                    names.join(" ")
                }
            };
            Some(format!("{}: {names}", path.display()))
        });
        below.collect()
    }

    fn root() -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().canonicalize().unwrap();
        (root, path)
    }

    #[test]
    fn a_link_further_up_belongs_to_it() {
        let (_root, root) = root();
        fs::create_dir_all(root.join("v7/desired")).unwrap();
        symlink("v7", root.join("live")).unwrap();
        symlink(root.join("live"), root.join("aza")).unwrap();
        let trail = Trail::of(&root.join("aza/desired"));
        assert_eq!(
            shown(&trail, &root),
            [": aza live v7", "v7: desired", "v7/desired: everything"]
        );
        assert!(trail.concerns(&root.join("live")) && !trail.concerns(&root.join("neighbour")));
        assert!(trail.concerns(&root.join("v7/desired/a.yaml")));
        assert!(trail.directories.contains_key(Path::new("/")));
    }

    #[test]
    fn manifests_that_are_links_are_followed() {
        let (_root, root) = root();
        fs::create_dir_all(root.join("map/..2026")).unwrap();
        fs::write(root.join("map/..2026/a.yaml"), "a").unwrap();
        symlink("..2026", root.join("map/..data")).unwrap();
        symlink("..data/a.yaml", root.join("map/a.yaml")).unwrap();
        assert_eq!(
            shown(&Trail::of(&root.join("map")), &root),
            [": map", "map: everything", "map/..2026: a.yaml"]
        );
    }

    #[test]
    fn what_is_missing_ends_the_trail_where_it_will_come() {
        let (_root, root) = root();
        assert_eq!(
            shown(&Trail::of(&root.join("later/desired")), &root),
            [": later"]
        );
        symlink("nowhere", root.join("dangling")).unwrap();
        assert_eq!(
            shown(&Trail::of(&root.join("dangling")), &root),
            [": dangling nowhere"]
        );
    }

    #[test]
    fn links_in_a_circle_end() {
        let (_root, root) = root();
        symlink("b", root.join("a")).unwrap();
        symlink("a", root.join("b")).unwrap();
        assert_eq!(shown(&Trail::of(&root.join("a")), &root), [": a b"]);
    }
}
