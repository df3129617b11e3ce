//! Rules as a program for the kernel's classic packet filter.
//!
//! For each kind of program: the call's number is compared with each number that has a rule, one after the other; a rule
//! that depends on arguments compares those, each in two halves as the filter's registers have 32 bits.

use seccompiler::{BpfProgram, sock_filter};

use super::numbers::Calls;
use super::rules::{Action, Comparison, Rules, Test, Verdict};

const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const IF_EQUAL: u16 = 0x15;
const IF_GREATER: u16 = 0x25;
const IF_GREATER_OR_EQUAL: u16 = 0x35;
const RETURN: u16 = 0x06;

/// Offsets in what the kernel shows to a filter.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// Numbers from here on are x32's.
const X32: u32 = 0x4000_0000;
/// The most instructions that the kernel takes.
pub const LONGEST: usize = 4096;

/// The program for `sections`: kinds of programs with their rules. Programs of other kinds are killed, as no profile can
/// mean the numbers of their calls.
pub fn program(sections: &[(Calls, Rules)]) -> BpfProgram {
    let mut program = vec![plain(LOAD, ARCHITECTURE)];
    for (calls, rules) in sections {
        let body = section(calls, rules);
        program.push(branch(IF_EQUAL, calls.audit, 1, 0));
        program.push(plain(JUMP, length(&body)));
        program.extend(body);
    }
    program.push(answer(Action::KillProcess));
    program
}

fn section(calls: &Calls, rules: &Rules) -> BpfProgram {
    let mut program = vec![plain(LOAD, NUMBER)];
    if calls.has_x32 {
        program.push(branch(IF_GREATER_OR_EQUAL, X32, 0, 1));
        program.push(answer(Action::KillProcess));
    }
    for (number, verdict) in &rules.calls {
        let body = match verdict {
            Verdict::Always(action) => vec![answer(*action)],
            Verdict::Depends(alternatives) => depends(alternatives, rules.default),
        };
        match u8::try_from(body.len()) {
            Ok(length) => program.push(branch(IF_EQUAL, *number, 0, length)),
            Err(_) => {
                program.push(branch(IF_EQUAL, *number, 1, 0));
                program.push(plain(JUMP, length(&body)));
            }
        }
        program.extend(body);
    }
    program.push(answer(rules.default));
    program
}

fn depends(alternatives: &[(Vec<Test>, Action)], default: Action) -> BpfProgram {
    let mut program: BpfProgram = alternatives.iter().flat_map(|(tests, action)| alternative(tests, *action)).collect();
    program.push(answer(default));
    program
}

/// Where a comparison of a half leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    /// The next instruction.
    Next,
    /// The next test: this one holds.
    Holds,
    /// The next alternative: this one does not hold.
    Fails,
}

enum Step {
    Plain(sock_filter),
    Compare(u16, u32, To, To),
}

/// All tests, then the action. At most 6 tests of 6 instructions: every jump fits.
fn alternative(tests: &[Test], action: Action) -> BpfProgram {
    let tests: Vec<Vec<Step>> = tests.iter().map(steps).collect();
    let total = tests.iter().map(Vec::len).sum::<usize>();
    let mut program = BpfProgram::new();
    let mut end = 0;
    for test in tests {
        end += test.len();
        for step in test {
            let after = program.len() + 1;
            let jump = |to| match to {
                To::Next => 0,
                To::Holds => end - after,
                // Past the action.
                To::Fails => total + 1 - after,
            };
            let offset = |to| u8::try_from(jump(to)).unwrap_or(u8::MAX);
            program.push(match step {
                Step::Plain(instruction) => instruction,
                Step::Compare(code, k, yes, no) => branch(code, k, offset(yes), offset(no)),
            });
        }
    }
    program.push(answer(action));
    program
}

fn steps(test: &Test) -> Vec<Step> {
    let low_at = ARGUMENTS + 8 * test.index;
    let load = |at| Step::Plain(plain(LOAD, at));
    let (high, low) = halves(test.value);
    let compare = |code, k, yes, no| Step::Compare(code, k, yes, no);
    let ordered = |above: To, below: To, code, yes: To, no: To| {
        vec![
            load(low_at + 4),
            compare(IF_GREATER, high, above, To::Next),
            compare(IF_EQUAL, high, To::Next, below),
            load(low_at),
            compare(code, low, yes, no),
        ]
    };
    match test.comparison {
        Comparison::Equal => vec![
            load(low_at + 4),
            compare(IF_EQUAL, high, To::Next, To::Fails),
            load(low_at),
            compare(IF_EQUAL, low, To::Holds, To::Fails),
        ],
        Comparison::NotEqual => vec![
            load(low_at + 4),
            compare(IF_EQUAL, high, To::Next, To::Holds),
            load(low_at),
            compare(IF_EQUAL, low, To::Fails, To::Holds),
        ],
        Comparison::Greater => ordered(To::Holds, To::Fails, IF_GREATER, To::Holds, To::Fails),
        Comparison::GreaterOrEqual => ordered(To::Holds, To::Fails, IF_GREATER_OR_EQUAL, To::Holds, To::Fails),
        Comparison::Less => ordered(To::Fails, To::Holds, IF_GREATER_OR_EQUAL, To::Fails, To::Holds),
        Comparison::LessOrEqual => ordered(To::Fails, To::Holds, IF_GREATER, To::Fails, To::Holds),
        Comparison::Masked(mask) => {
            let (mask_high, mask_low) = halves(mask);
            vec![
                load(low_at + 4),
                Step::Plain(plain(AND, mask_high)),
                compare(IF_EQUAL, high & mask_high, To::Next, To::Fails),
                load(low_at),
                Step::Plain(plain(AND, mask_low)),
                compare(IF_EQUAL, low & mask_low, To::Holds, To::Fails),
            ]
        }
    }
}

fn halves(value: u64) -> (u32, u32) {
    let bytes = value.to_be_bytes();
    let half = |from: usize| u32::from_be_bytes([bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]]);
    (half(0), half(4))
}

fn length(program: &BpfProgram) -> u32 {
    u32::try_from(program.len()).unwrap_or(u32::MAX)
}

fn plain(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}

fn branch(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

fn answer(action: Action) -> sock_filter {
    let value = match action {
        Action::KillProcess => libc::SECCOMP_RET_KILL_PROCESS,
        Action::KillThread => libc::SECCOMP_RET_KILL_THREAD,
        Action::Trap => libc::SECCOMP_RET_TRAP,
        Action::Errno(errno) => libc::SECCOMP_RET_ERRNO | u32::from(errno),
        Action::Trace(message) => libc::SECCOMP_RET_TRACE | u32::from(message),
        Action::Log => libc::SECCOMP_RET_LOG,
        Action::Allow => libc::SECCOMP_RET_ALLOW,
    };
    plain(RETURN, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seccomp::numbers::NATIVE;
    use std::collections::BTreeMap;

    /// What the kernel would answer, from the meaning of the instructions.
    fn run(program: &BpfProgram, arch: u32, number: u32, arguments: [u64; 6]) -> u32 {
        let (mut at, mut a) = (0, 0u32);
        loop {
            let i = &program[at];
            at += 1;
            let mut jump = |yes: bool| at += usize::from(if yes { i.jt } else { i.jf });
            match i.code {
                LOAD => {
                    a = match i.k {
                        NUMBER => number,
                        ARCHITECTURE => arch,
                        offset => {
                            let (high, low) = halves(arguments[(offset as usize - 16) / 8]);
                            if offset % 8 == 0 { low } else { high }
                        }
                    }
                }
                AND => a &= i.k,
                JUMP => at += i.k as usize,
                IF_EQUAL => jump(a == i.k),
                IF_GREATER => jump(a > i.k),
                IF_GREATER_OR_EQUAL => jump(a >= i.k),
                RETURN => return i.k,
                other => panic!("instruction {other}"),
            }
        }
    }

    fn with(verdict: Verdict) -> BpfProgram {
        let calls = BTreeMap::from([(7, verdict), (300, Verdict::Always(Action::Trap))]);
        program(&[(NATIVE, Rules { default: Action::Errno(1), calls })])
    }

    #[test]
    fn every_comparison_means_what_it_says_in_both_halves() {
        let values = [0u64, 1, 5, 1 << 32, (1 << 32) + 5, (5 << 32) + 1, u64::MAX];
        type Meaning = fn(u64, u64) -> bool;
        let all: [(Comparison, Meaning); 7] = [
            (Comparison::Equal, |a, b| a == b),
            (Comparison::NotEqual, |a, b| a != b),
            (Comparison::Less, |a, b| a < b),
            (Comparison::LessOrEqual, |a, b| a <= b),
            (Comparison::Greater, |a, b| a > b),
            (Comparison::GreaterOrEqual, |a, b| a >= b),
            (Comparison::Masked(0x1_0000_0001), |a, b| a & 0x1_0000_0001 == b & 0x1_0000_0001),
        ];
        for (comparison, meaning) in all {
            for wanted in values {
                let tests = vec![Test { index: 2, comparison, value: wanted }];
                let program = with(Verdict::Depends(vec![(tests, Action::Allow)]));
                for given in values {
                    let allowed = run(&program, NATIVE.audit, 7, [9, 9, given, 9, 9, 9]) == libc::SECCOMP_RET_ALLOW;
                    assert_eq!(allowed, meaning(given, wanted), "{given} {comparison:?} {wanted}");
                }
            }
        }
    }

    #[test]
    fn all_tests_of_an_alternative_must_hold_and_one_alternative_suffices() {
        let test = |index, value| Test { index, comparison: Comparison::Equal, value };
        let both = (vec![test(0, 1), test(1, 2)], Action::Trap);
        let program = with(Verdict::Depends(vec![both, (vec![test(5, 3)], Action::Allow)]));
        let run = |arguments| run(&program, NATIVE.audit, 7, arguments);
        assert_eq!(run([1, 2, 0, 0, 0, 0]), libc::SECCOMP_RET_TRAP);
        assert_eq!(run([1, 1, 0, 0, 0, 3]), libc::SECCOMP_RET_ALLOW);
        assert_eq!(run([1, 1, 0, 0, 0, 0]), libc::SECCOMP_RET_ERRNO | 1);
    }

    #[test]
    fn other_calls_get_the_default_and_other_programs_are_killed() {
        let program = with(Verdict::Always(Action::Allow));
        assert_eq!(run(&program, NATIVE.audit, 7, [0; 6]), libc::SECCOMP_RET_ALLOW);
        assert_eq!(run(&program, NATIVE.audit, 8, [0; 6]), libc::SECCOMP_RET_ERRNO | 1);
        assert_eq!(run(&program, NATIVE.audit, 300, [0; 6]), libc::SECCOMP_RET_TRAP);
        assert_eq!(run(&program, 1, 7, [0; 6]), libc::SECCOMP_RET_KILL_PROCESS);
        if NATIVE.has_x32 {
            assert_eq!(run(&program, NATIVE.audit, X32 + 7, [0; 6]), libc::SECCOMP_RET_KILL_PROCESS);
        }
    }

    #[test]
    fn a_rule_too_long_for_a_short_jump_is_jumped_over_all_the_same() {
        let test = |value| (vec![Test { index: 0, comparison: Comparison::Less, value }], Action::Log);
        let program = with(Verdict::Depends((0..100).map(test).collect()));
        assert_eq!(run(&program, NATIVE.audit, 300, [0; 6]), libc::SECCOMP_RET_TRAP);
        assert_eq!(run(&program, NATIVE.audit, 7, [98, 0, 0, 0, 0, 0]), libc::SECCOMP_RET_LOG);
        assert_eq!(run(&program, NATIVE.audit, 7, [99, 0, 0, 0, 0, 0]), libc::SECCOMP_RET_ERRNO | 1);
    }
}
