//! What a profile says about each system call of this machine, for a container with certain capabilities.

use std::collections::{BTreeMap, BTreeSet};

use super::numbers::{ARCHES, Calls};
use super::profile::{Argument, Condition, Entry, Profile, Wrong};

const EPERM: u32 = 1;
/// The largest error that a system call returns.
const MAX_ERRNO: u32 = 4095;
/// How many arguments a system call has.
const ARGUMENTS: u32 = 6;

/// What is done about a call, the strictest first: of several rules that match, the strictest holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    KillProcess,
    KillThread,
    Trap,
    Errno(u16),
    Trace(u16),
    Log,
    Allow,
}

/// How an argument is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// Equal after the bits outside the mask were cleared.
    Masked(u64),
}

/// A comparison of one argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    pub index: u32,
    pub comparison: Comparison,
    pub value: u64,
}

/// What is done about one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Whatever its arguments.
    Always(Action),
    /// The first action whose tests all hold, or else the default.
    Depends(Vec<(Vec<Test>, Action)>),
}

/// The default action, and the verdict for each call's number.
#[derive(Debug, PartialEq, Eq)]
pub struct Rules {
    pub default: Action,
    pub calls: BTreeMap<u32, Verdict>,
}

impl Rules {
    /// Reads `profile` for programs with these `calls` and capabilities. Names that this kernel does not know are left
    /// out: profiles are written for many.
    pub fn of(profile: &Profile, calls: &Calls, capabilities: &BTreeSet<String>) -> Result<Self, Wrong> {
        let default = action("defaultAction", &profile.default_action, profile.default_errno_ret)?;
        let mut rules = Self { default, calls: BTreeMap::new() };
        for (number, entry) in profile.syscalls.iter().enumerate() {
            let field = |name: &str| format!("syscalls[{number}].{name}");
            let action = action(&field("action"), &entry.action, entry.errno_ret)?;
            let tests = tests(&field("args"), &entry.args)?;
            if action == default || !applies(entry, capabilities) {
                continue;
            }
            for name in entry.names.iter().chain((!entry.name.is_empty()).then_some(&entry.name)) {
                if let Some(call) = calls.number(name) {
                    rules.add(call, action, &tests);
                }
            }
        }
        for verdict in rules.calls.values_mut() {
            if let Verdict::Depends(alternatives) = verdict {
                alternatives.sort_by_key(|(_, action)| *action);
            }
        }
        Ok(rules)
    }

    /// A rule without tests holds whatever others with tests say, as with libseccomp.
    fn add(&mut self, call: u32, action: Action, tests: &[Vec<Test>]) {
        let verdict = self.calls.entry(call).or_insert_with(|| Verdict::Depends(Vec::new()));
        match verdict {
            Verdict::Always(known) if tests.is_empty() => *known = (*known).min(action),
            Verdict::Always(_) => {}
            Verdict::Depends(_) if tests.is_empty() => *verdict = Verdict::Always(action),
            Verdict::Depends(list) => list.extend(tests.iter().map(|t| (t.clone(), action))),
        }
    }
}

fn action(field: &str, name: &str, errno: Option<u32>) -> Result<Action, Wrong> {
    let wrong = |value: String, why| Wrong { field: field.to_owned(), value, why };
    let errno = errno.unwrap_or(EPERM);
    let number = u16::try_from(errno).map_err(|_| wrong(errno.to_string(), "is too large for an errnoRet"));
    match name {
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => Ok(Action::KillThread),
        "SCMP_ACT_KILL_PROCESS" => Ok(Action::KillProcess),
        "SCMP_ACT_TRAP" => Ok(Action::Trap),
        "SCMP_ACT_ERRNO" if errno > MAX_ERRNO => Err(wrong(errno.to_string(), "is no error of a system call")),
        "SCMP_ACT_ERRNO" => Ok(Action::Errno(number?)),
        "SCMP_ACT_TRACE" => Ok(Action::Trace(number?)),
        "SCMP_ACT_LOG" => Ok(Action::Log),
        "SCMP_ACT_ALLOW" => Ok(Action::Allow),
        "SCMP_ACT_NOTIFY" => Err(wrong(name.to_owned(), "is not supported: this runtime has no listener for it")),
        _ => Err(wrong(name.to_owned(), "is not an action")),
    }
}

/// The alternatives that an entry's arguments stand for: all of them together, unless one argument has several
/// comparisons, which then each suffice, as with runc.
fn tests(field: &str, arguments: &[Argument]) -> Result<Vec<Vec<Test>>, Wrong> {
    let each = arguments.iter().enumerate().map(|(n, a)| test(&format!("{field}[{n}]"), a));
    let tests = each.collect::<Result<Vec<_>, _>>()?;
    let indices: BTreeSet<u32> = tests.iter().map(|t| t.index).collect();
    Ok(match tests.len() {
        0 => Vec::new(),
        n if n > indices.len() => tests.into_iter().map(|t| vec![t]).collect(),
        _ => vec![tests],
    })
}

fn test(field: &str, argument: &Argument) -> Result<Test, Wrong> {
    let wrong = |name: &str, value: String, why| Wrong { field: format!("{field}.{name}"), value, why };
    if argument.index >= ARGUMENTS {
        return Err(wrong("index", argument.index.to_string(), "is not between 0 and 5"));
    }
    let (comparison, value) = match argument.op.as_str() {
        "SCMP_CMP_EQ" => (Comparison::Equal, argument.value),
        "SCMP_CMP_NE" => (Comparison::NotEqual, argument.value),
        "SCMP_CMP_LT" => (Comparison::Less, argument.value),
        "SCMP_CMP_LE" => (Comparison::LessOrEqual, argument.value),
        "SCMP_CMP_GT" => (Comparison::Greater, argument.value),
        "SCMP_CMP_GE" => (Comparison::GreaterOrEqual, argument.value),
        "SCMP_CMP_MASKED_EQ" => (Comparison::Masked(argument.value), argument.value_two),
        _ => return Err(wrong("op", argument.op.clone(), "is not a comparison")),
    };
    Ok(Test { index: argument.index, comparison, value })
}

fn applies(entry: &Entry, capabilities: &BTreeSet<String>) -> bool {
    let (with, without): (&Condition, &Condition) = (&entry.includes, &entry.excludes);
    let has = |name: &String| capabilities.contains(name);
    let here = |name: &String| ARCHES.contains(&name.as_str());
    with.caps.iter().all(has)
        && (with.arches.is_empty() || with.arches.iter().any(here))
        && (with.min_kernel.is_empty() || kernel_is_at_least(&with.min_kernel))
        && !without.caps.iter().any(has)
        && !without.arches.iter().any(here)
        && (without.min_kernel.is_empty() || !kernel_is_at_least(&without.min_kernel))
}

fn kernel_is_at_least(wanted: &str) -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    version(&release) >= version(wanted)
}

/// The first two numbers.
fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seccomp::numbers::NATIVE;
    use serde_json::{Value, json};

    fn rules(profile: Value, caps: &[&str]) -> Result<Rules, Wrong> {
        let caps = caps.iter().map(|&c| c.to_owned()).collect();
        Rules::of(&serde_json::from_value(profile).unwrap(), &NATIVE, &caps)
    }

    fn of(rules: &Rules, name: &str) -> Option<Verdict> {
        rules.calls.get(&NATIVE.number(name).unwrap()).cloned()
    }

    #[test]
    fn entries_depend_on_capabilities_and_processor_and_unknown_calls_are_left_out() {
        let profile = json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
            {"names": ["mount", "no_such_call"], "action": "SCMP_ACT_ALLOW", "args": null,
                "includes": {"caps": ["CAP_SYS_ADMIN"]}, "excludes": {}},
            {"name": "reboot", "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]}},
            {"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
        ]});
        let without = rules(profile.clone(), &[]).unwrap();
        assert_eq!((without.default, without.calls.len()), (Action::Errno(38), 0));
        let with = rules(profile, &["CAP_SYS_ADMIN"]).unwrap();
        assert_eq!(of(&with, "mount"), Some(Verdict::Always(Action::Allow)));
        assert_eq!(with.calls.len(), 1);
    }

    #[test]
    fn a_rule_without_arguments_holds_over_those_with_and_the_strictest_comes_first() {
        let test = |value: u64, action: &str| {
            json!({"names": ["socket"], "action": action,
            "args": [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]})
        };
        let mut list = vec![test(1, "SCMP_ACT_LOG"), test(2, "SCMP_ACT_KILL")];
        let profile = |list: &[Value]| json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": list});
        let Some(Verdict::Depends(alternatives)) = of(&rules(profile(&list), &[]).unwrap(), "socket") else { panic!() };
        assert_eq!(alternatives.iter().map(|a| a.1).collect::<Vec<_>>(), [Action::KillThread, Action::Log]);
        list.push(json!({"names": ["socket"], "action": "SCMP_ACT_TRAP"}));
        assert_eq!(of(&rules(profile(&list), &[]).unwrap(), "socket"), Some(Verdict::Always(Action::Trap)));
    }

    #[test]
    fn what_can_not_be_carried_out_is_named_with_its_place() {
        let wrong = |entry: Value| {
            let wrong = rules(json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [entry]}), &[]).unwrap_err();
            format!("{} {} {}", wrong.field, wrong.value, wrong.why)
        };
        let notify = wrong(json!({"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}));
        assert!(notify.starts_with("syscalls[0].action SCMP_ACT_NOTIFY is not supported"), "{notify}");
        let arg = |index: u32, op: &str| json!({"names": ["mount"], "action": "SCMP_ACT_KILL", "args": [{"index": index, "op": op}]});
        assert!(wrong(arg(6, "SCMP_CMP_EQ")).starts_with("syscalls[0].args[0].index 6"));
        assert!(wrong(arg(0, "SCMP_CMP_LIKE")).starts_with("syscalls[0].args[0].op SCMP_CMP_LIKE"));
    }

    #[test]
    fn kernel_versions_are_compared_as_numbers() {
        assert!(version("6.18.4-x") > version("4.8") && version("4.10") > version("4.8") && version("5") == (5, 0));
    }
}
