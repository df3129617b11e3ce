//! Signals that ask a container to end: as images name them, as CRI numbers them, as the kernel does.

use reprise_cri::v1::Signal as Asked;

/// The C library's first and last real-time signals, which names such as `SIGRTMIN+3` count from.
const REAL_TIME: (i32, i32) = (34, 64);
const SIGTERM: i32 = 15;

/// The signal of the request, else the image's, else SIGTERM.
pub fn of(asked: Asked, image: &str) -> i32 {
    let name = asked.as_str_name();
    let requested = if asked == Asked::RuntimeDefault { None } else { number(name) };
    requested.or_else(|| number(image)).unwrap_or(SIGTERM)
}

/// CRI's number for a signal of the kernel.
pub fn asked(signal: i32) -> Asked {
    let all = (1..=Asked::Sigrtmax as i32).filter_map(|n| Asked::try_from(n).ok());
    all.into_iter().find(|s| number(s.as_str_name()) == Some(signal)).unwrap_or(Asked::RuntimeDefault)
}

/// The kernel's number for a name, with or without `SIG`, or for the text of a number.
fn number(name: &str) -> Option<i32> {
    let upper = name.trim().to_uppercase();
    let plain = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Ok(number) = plain.parse::<i32>() {
        return (1..=REAL_TIME.1).contains(&number).then_some(number);
    }
    match plain {
        "CLD" => return number("CHLD"),
        "IOT" => return number("ABRT"),
        "POLL" => return number("IO"),
        _ => {}
    }
    real_time(plain).or_else(|| format!("SIG{plain}").parse::<nix::sys::signal::Signal>().ok().map(|s| s as i32))
}

fn real_time(plain: &str) -> Option<i32> {
    let far = |text: &str| text.parse::<i32>().ok();
    let number = if let Some(rest) = plain.strip_prefix("RTMIN") {
        let rest = rest.strip_prefix('+').or(rest.strip_prefix("PLUS")).unwrap_or(rest);
        REAL_TIME.0 + if rest.is_empty() { 0 } else { far(rest)? }
    } else {
        let rest = plain.strip_prefix("RTMAX")?;
        let rest = rest.strip_prefix('-').or(rest.strip_prefix("MINUS")).unwrap_or(rest);
        REAL_TIME.1 - if rest.is_empty() { 0 } else { far(rest)? }
    };
    (REAL_TIME.0..=REAL_TIME.1).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_wins_over_the_image_and_the_image_over_sigterm() {
        assert_eq!(of(Asked::Sigusr1, "SIGQUIT"), 10);
        assert_eq!(of(Asked::RuntimeDefault, "SIGQUIT"), 3);
        assert_eq!(of(Asked::RuntimeDefault, "quit"), 3);
        assert_eq!(of(Asked::RuntimeDefault, "9"), 9);
        assert_eq!(of(Asked::RuntimeDefault, "nonsense"), 15);
    }

    #[test]
    fn real_time_signals_count_from_both_ends() {
        assert_eq!(number("SIGRTMIN+3"), Some(37));
        assert_eq!(number("RTMAX-1"), Some(63));
        assert_eq!(of(Asked::Sigrtminplus15, ""), 49);
        assert_eq!(of(Asked::Sigrtmaxminus14, ""), 50);
        assert_eq!(number("RTMIN+40"), None);
    }

    #[test]
    fn every_signal_of_cri_has_a_number_and_is_found_again() {
        for n in 1..=Asked::Sigrtmax as i32 {
            let signal = Asked::try_from(n).unwrap();
            let number = number(signal.as_str_name()).unwrap_or_else(|| panic!("{} has none", signal.as_str_name()));
            assert_eq!(super::number(asked(number).as_str_name()), Some(number));
        }
    }
}
