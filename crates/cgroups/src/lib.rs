//! Cgroups on both versions: where they are, making and entering them, their limits, ending what is in them, removing them.
//!
//! A cgroup here is a path such as `/reprise-1a2b/pod42/<container>` that exists in every hierarchy: all
//! controllers of v1 (and the hybrid's v2 tree), or the one tree of v2.

pub mod limits;

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The mounted hierarchies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchies {
    /// v1 hierarchies with their controllers, such as `cpu,cpuacct`.
    pub v1: Vec<(String, PathBuf)>,
    /// The v2 tree; on a hybrid machine it has no controllers.
    pub v2: Option<PathBuf>,
}

impl Hierarchies {
    /// Reads them from the text of `/proc/self/mountinfo`.
    pub fn parse(mountinfo: &str) -> Self {
        let mut found = Self { v1: Vec::new(), v2: None };
        for line in mountinfo.lines() {
            let Some((before, after)) = line.split_once(" - ") else { continue };
            let Some(point) = before.split(' ').nth(4) else { continue };
            let mut fields = after.split(' ');
            match (fields.next(), fields.nth(1)) {
                (Some("cgroup2"), _) if found.v2.is_none() => found.v2 = Some(PathBuf::from(point)),
                (Some("cgroup"), Some(options)) => {
                    let known = |o: &&str| !["rw", "ro"].contains(o);
                    let controllers: Vec<&str> = options.split(',').filter(known).collect();
                    found.v1.push((controllers.join(","), PathBuf::from(point)));
                }
                _ => {}
            }
        }
        found
    }

    /// The mount point of the hierarchy that controls `controller`.
    pub fn controlling(&self, controller: &str) -> Option<&Path> {
        let v1 = self.v1.iter().find(|(names, _)| names.split(',').any(|n| n == controller));
        v1.map(|(_, point)| point.as_path()).or(if self.v1.is_empty() { self.v2.as_deref() } else { None })
    }

    /// All mount points.
    pub fn all(&self) -> impl Iterator<Item = &Path> {
        self.v1.iter().map(|(_, point)| point.as_path()).chain(self.v2.as_deref())
    }

    /// Whether v2 controls resources here.
    pub fn is_v2(&self) -> bool {
        self.v1.is_empty() && self.v2.is_some()
    }
}

/// The hierarchies of this machine. They don't change while a program runs.
pub fn hierarchies() -> &'static Hierarchies {
    static FOUND: OnceLock<Hierarchies> = OnceLock::new();
    FOUND.get_or_init(|| Hierarchies::parse(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default()))
}

/// The folder of `cgroup` in the hierarchy mounted at `point`.
fn folder(point: &Path, cgroup: &str) -> PathBuf {
    point.join(cgroup.trim_start_matches('/'))
}

/// Moves this process to `cgroup` in every hierarchy, making it where it is missing.
///
/// # Errors
/// What the kernel says.
pub fn enter(cgroup: &str) -> io::Result<()> {
    let pid = std::process::id().to_string();
    make(cgroup)?;
    for point in hierarchies().all() {
        fs::write(folder(point, cgroup).join("cgroup.procs"), &pid)?;
    }
    Ok(())
}

/// Makes `cgroup` in every hierarchy, so that limits can be set and processes moved there.
///
/// # Errors
/// What the kernel says.
pub fn make(cgroup: &str) -> io::Result<()> {
    for point in hierarchies().all() {
        make_folder(&folder(point, cgroup))?;
        inherit_cpuset(point, cgroup)?;
    }
    if let Some(point) = hierarchies().v2.as_deref().filter(|_| hierarchies().is_v2()) {
        delegate_controllers(point, cgroup);
    }
    Ok(())
}

/// Somebody may just be removing a folder on the way that had nothing in it.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut made = fs::create_dir_all(folder);
    for _ in 0..3 {
        match &made {
            Err(error) if error.kind() == ErrorKind::NotFound => made = fs::create_dir_all(folder),
            _ => break,
        }
    }
    made
}

/// On v2 a cgroup has the controllers that those above it hand down.
fn delegate_controllers(point: &Path, cgroup: &str) {
    let mut here = point.to_owned();
    for part in Path::new(cgroup.trim_start_matches('/')).components() {
        let controllers = fs::read_to_string(here.join("cgroup.controllers")).unwrap_or_default();
        for controller in controllers.split_whitespace() {
            // One that can't be handed down is missed when its limit is set, and named there.
            let _ = fs::write(here.join("cgroup.subtree_control"), format!("+{controller}"));
        }
        here.push(part);
    }
}

/// Moves this process to where the process `other` is in the hierarchies that control nothing, of which libcontainer
/// leaves out some: the named ones of v1, and the v2 tree beside v1.
///
/// # Errors
/// What the kernel says.
pub fn join_uncontrolled(other: i32) -> io::Result<()> {
    if hierarchies().is_v2() {
        return Ok(());
    }
    let text = fs::read_to_string(format!("/proc/{other}/cgroup"))?;
    for (point, cgroup) in uncontrolled(hierarchies(), &text) {
        fs::write(folder(point, cgroup).join("cgroup.procs"), std::process::id().to_string())?;
    }
    Ok(())
}

/// The mount points of these hierarchies, and the cgroup in each, from the text of a `/proc/<pid>/cgroup`.
fn uncontrolled<'a>(hierarchies: &'a Hierarchies, text: &'a str) -> Vec<(&'a Path, &'a str)> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(name), Some(cgroup)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let point = match name {
            "" => hierarchies.v2.as_deref(),
            named if named.starts_with("name=") => {
                hierarchies.v1.iter().find(|(names, _)| names.split(',').any(|n| n == named)).map(|(_, p)| p.as_path())
            }
            _ => None,
        };
        found.extend(point.map(|point| (point, cgroup)));
    }
    found
}

/// A new v1 cpuset takes no process until it is told its CPUs and memory nodes: give it its parent's.
fn inherit_cpuset(point: &Path, cgroup: &str) -> io::Result<()> {
    let mut here = point.to_owned();
    for part in Path::new(cgroup.trim_start_matches('/')).components() {
        let parent = here.clone();
        here.push(part);
        for file in ["cpuset.cpus", "cpuset.mems"] {
            let own = here.join(file);
            if own.exists() && !hierarchies().is_v2() && fs::read_to_string(&own)?.trim().is_empty() {
                fs::write(&own, fs::read_to_string(parent.join(file))?)?;
            }
        }
    }
    Ok(())
}

/// All processes in `cgroup` and below it, in whatever hierarchy they are found.
pub fn processes(cgroup: &str) -> Vec<i32> {
    let mut pids = Vec::new();
    for point in hierarchies().all() {
        processes_below(&folder(point, cgroup), &mut pids);
    }
    pids.sort_unstable();
    pids.dedup();
    pids
}

/// The cgroups right below `cgroup`, in whatever hierarchy they are found.
pub fn children(cgroup: &str) -> Vec<String> {
    let list = |point: &Path| fs::read_dir(folder(point, cgroup)).into_iter().flatten().flatten();
    let folders = hierarchies().all().flat_map(list).filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
    let mut names: Vec<String> = folders.filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| format!("{cgroup}/{name}")).collect()
}

/// Whether `cgroup` is there, in any hierarchy.
pub fn exists(cgroup: &str) -> bool {
    hierarchies().all().any(|point| folder(point, cgroup).exists())
}

fn processes_below(folder: &Path, pids: &mut Vec<i32>) {
    let list = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    pids.extend(list.lines().filter_map(|line| line.parse::<i32>().ok()));
    for child in fs::read_dir(folder).into_iter().flatten().flatten() {
        if child.file_type().is_ok_and(|t| t.is_dir()) {
            processes_below(&child.path(), pids);
        }
    }
}

/// Sends SIGKILL to all processes in `cgroup` and below it, until none is left or a second has passed.
pub fn kill_all(cgroup: &str) {
    // The root holds the whole machine.
    if cgroup.trim_matches('/').is_empty() {
        return;
    }
    let end = Instant::now() + Duration::from_secs(1);
    loop {
        let pids = processes(cgroup);
        if pids.is_empty() || Instant::now() > end {
            return;
        }
        for pid in pids.into_iter().filter_map(Pid::from_raw) {
            // One that has gone meanwhile is what we want.
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// How many processes the out-of-memory killer has ended in `cgroup`.
pub fn oom_kills(cgroup: &str) -> u64 {
    let Some(point) = hierarchies().controlling("memory") else { return 0 };
    let file = if hierarchies().is_v2() { "memory.events" } else { "memory.oom_control" };
    let text = fs::read_to_string(folder(point, cgroup).join(file)).unwrap_or_default();
    text.lines().find_map(|l| l.strip_prefix("oom_kill ")).and_then(|n| n.trim().parse().ok()).unwrap_or(0)
}

/// Removes `cgroup` with what is below it from every hierarchy. False if something in it is still busy.
pub fn remove(cgroup: &str) -> bool {
    if cgroup.trim_matches('/').is_empty() {
        return true;
    }
    // All are tried, also when one is busy.
    let busy = hierarchies().all().filter(|point| !remove_tree(&folder(point, cgroup))).count();
    busy == 0
}

/// Removes `cgroup` where nothing is below it.
pub fn remove_if_empty(cgroup: &str) {
    for point in hierarchies().all() {
        // Busy or gone: both are as they should be.
        let _ = fs::remove_dir(folder(point, cgroup));
    }
}

fn remove_tree(folder: &Path) -> bool {
    let children = fs::read_dir(folder).into_iter().flatten().flatten();
    for child in children.filter(|c| c.file_type().is_ok_and(|t| t.is_dir())) {
        remove_tree(&child.path());
    }
    match fs::remove_dir(folder) {
        Ok(()) => true,
        Err(e) => e.kind() == ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
25 30 0:22 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
26 30 0:23 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
27 30 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
28 30 0:25 / /proc rw - proc proc rw";

    #[test]
    fn hierarchies_of_both_versions_are_found() {
        let found = Hierarchies::parse(HYBRID);
        assert_eq!(found.controlling("cpuacct"), Some(Path::new("/sys/fs/cgroup/cpu,cpuacct")));
        assert_eq!(found.controlling("pids"), None);
        assert_eq!((found.all().count(), found.is_v2()), (3, false));
        let pure = Hierarchies::parse("27 30 0:24 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw");
        assert_eq!(pure.controlling("memory"), Some(Path::new("/sys/fs/cgroup")));
        assert!(pure.is_v2());
    }

    #[test]
    fn controllers_are_handed_down_on_the_way_but_not_by_the_last_cgroup() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        for part in ["", "a", "a/b"] {
            fs::write(folder.path().join(part).join("cgroup.controllers"), "memory\n").unwrap();
        }
        delegate_controllers(folder.path(), "/a/b");
        let handed_down = |part: &str| fs::read_to_string(folder.path().join(part).join("cgroup.subtree_control")).ok();
        assert_eq!(handed_down("").as_deref(), Some("+memory"));
        assert_eq!((handed_down("a").as_deref(), handed_down("a/b")), (Some("+memory"), None));
    }

    #[test]
    fn hierarchies_without_controllers_are_told_from_others() {
        let text = "25 30 0:22 / /s/systemd rw - cgroup cgroup rw,xattr,name=systemd\n".to_owned() + HYBRID;
        let hierarchies = Hierarchies::parse(&text);
        let found = uncontrolled(&hierarchies, "9:name=systemd:/shims\n4:memory:/pod\n0::/shims/a:b\n");
        let expected = [("/s/systemd", "/shims"), ("/sys/fs/cgroup/unified", "/shims/a:b")];
        assert_eq!(found, expected.map(|(point, cgroup)| (Path::new(point), cgroup)));
    }
}
