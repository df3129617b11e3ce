//! The fields about what a node does for itself: images, logs, static Pods.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;
use reprise_core::image_collection::ImagePolicy;
use reprise_core::log_rotation::LogPolicy;

use super::fields::Fields;
use crate::static_pods::StaticPodConfig;

/// The kubelet wants at least 3 s between two looks at logs.
pub(super) const LOG_PERIOD: RangeInclusive<SignedDuration> = SignedDuration::from_secs(3)..=LONGEST;
/// How old images may have to be.
const AGE: RangeInclusive<SignedDuration> = SignedDuration::ZERO..=SignedDuration::from_hours(24 * 365 * 100);
/// How often a source may be looked at.
const CHECK: RangeInclusive<SignedDuration> = SignedDuration::from_secs(1)..=LONGEST;
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 365);

pub(super) fn images(fields: &mut Fields) -> ImagePolicy {
    let defaults = ImagePolicy::default();
    let policy = ImagePolicy {
        high_percent: fields.percent("imageGCHighThresholdPercent").unwrap_or(defaults.high_percent),
        low_percent: fields.percent("imageGCLowThresholdPercent").unwrap_or(defaults.low_percent),
        minimum_age: fields.duration("imageMinimumGCAge", AGE).unwrap_or(defaults.minimum_age),
        // 0 is for ever.
        maximum_age: fields.duration("imageMaximumGCAge", AGE).filter(|age| !age.is_zero()),
    };
    if policy.low_percent >= policy.high_percent {
        let wanted = format!("it must be less than imageGCHighThresholdPercent, {}", policy.high_percent);
        fields.clash("imageGCLowThresholdPercent", policy.low_percent, &wanted);
    }
    if let Some(maximum) = policy.maximum_age.filter(|maximum| *maximum <= policy.minimum_age) {
        let wanted = format!("it must be greater than imageMinimumGCAge, {:#}", policy.minimum_age);
        fields.clash("imageMaximumGCAge", format!("{maximum:#}"), &wanted);
    }
    policy
}

pub(super) fn logs(fields: &mut Fields) -> LogPolicy {
    let defaults = LogPolicy::default();
    let max_size = fields.bytes("containerLogMaxSize").unwrap_or(defaults.max_size);
    let files = fields.integer("containerLogMaxFiles").unwrap_or_else(|| defaults.max_files.into());
    let max_files = u32::try_from(files).ok().filter(|files| *files > 1);
    if max_files.is_none() {
        fields.clash("containerLogMaxFiles", files, "a number greater than 1 is needed");
    }
    LogPolicy { max_size, max_files: max_files.unwrap_or(defaults.max_files) }
}

pub(super) fn static_pods(fields: &mut Fields) -> StaticPodConfig {
    let defaults = StaticPodConfig::default();
    let mut period = |name: &str| fields.duration(name, CHECK).and_then(|time| Duration::try_from(time).ok());
    let file_period = period("fileCheckFrequency").unwrap_or(defaults.file_period);
    let http_period = period("httpCheckFrequency").unwrap_or(defaults.http_period);
    StaticPodConfig {
        path: fields.path("staticPodPath"),
        url: fields.url("staticPodURL"),
        url_headers: fields.headers("staticPodURLHeader").unwrap_or_default(),
        file_period,
        http_period,
    }
}
