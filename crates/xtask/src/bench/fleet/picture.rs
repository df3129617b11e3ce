//! Both curves as a picture: nodes to the right, seconds upwards, both on logarithmic axes, on which proportional growth is a line.

use std::fmt::Write;

use super::report::Fleet;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
/// Room around the plot: left, right, top, bottom.
const ROOM: (f64, f64, f64, f64) = (70.0, 130.0, 30.0, 55.0);

/// A value's place on an axis from `low` to `high`, as a share of its length.
fn share(value: f64, (low, high): (f64, f64)) -> f64 {
    (value.ln() - low.ln()) / (high.ln() - low.ln())
}

struct Plot {
    nodes: (f64, f64),
    seconds: (f64, f64),
}

impl Plot {
    fn of(fleets: &[Fleet]) -> Self {
        let nodes = fleets.iter().map(|fleet| f64::from(fleet.nodes));
        let seconds = fleets.iter().flat_map(|fleet| [fleet.in_place.seconds, fleet.recreate.seconds]);
        let range = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)))
        };
        let (fewest, most) = range(&mut nodes.clone());
        let (least, longest) = range(&mut seconds.clone());
        // Whole powers of ten for seconds; nodes as they were measured, with some room.
        let seconds = (10_f64.powf(least.log10().floor()), 10_f64.powf(longest.log10().ceil()));
        Self { nodes: (fewest / 1.3, most * 1.3), seconds }
    }

    fn x(&self, nodes: f64) -> f64 {
        ROOM.0 + share(nodes, self.nodes) * (WIDTH - ROOM.0 - ROOM.1)
    }

    fn y(&self, seconds: f64) -> f64 {
        HEIGHT - ROOM.3 - share(seconds, self.seconds) * (HEIGHT - ROOM.2 - ROOM.3)
    }

    fn axes(&self, fleets: &[Fleet]) -> String {
        let (mut text, mut second) = (String::new(), self.seconds.0);
        let (left, right, bottom) = (ROOM.0, WIDTH - ROOM.1, HEIGHT - ROOM.3);
        while second <= self.seconds.1 * 1.01 {
            let y = self.y(second);
            text += &format!("<line x1=\"{left}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" class=\"grid\"/>\n");
            text +=
                &format!("<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{second} s</text>\n", left - 8.0, y + 4.0);
            second *= 10.0;
        }
        for fleet in fleets {
            let x = self.x(f64::from(fleet.nodes));
            let y = bottom + 20.0;
            text += &format!("<line x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{bottom}\" class=\"grid\"/>\n", ROOM.2);
            text += &format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>\n", fleet.nodes);
        }
        let (x, y) = ((left + right) / 2.0, HEIGHT - 12.0);
        text + &format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">nodes, each with a worker</text>\n")
    }

    fn curve(&self, fleets: &[Fleet], class: &str, name: &str, seconds: impl Fn(&Fleet) -> f64) -> String {
        let places: Vec<(f64, f64, f64)> = fleets
            .iter()
            .map(|fleet| (self.x(f64::from(fleet.nodes)), self.y(seconds(fleet)), seconds(fleet)))
            .collect();
        let line: Vec<String> = places.iter().map(|(x, y, _)| format!("{x:.1},{y:.1}")).collect();
        let mut text = format!("<polyline points=\"{}\" class=\"{class}\"/>\n", line.join(" "));
        for (x, y, seconds) in &places {
            text += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" class=\"{class}\"/>\n");
            text += &format!("<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{seconds:.1}</text>\n", y - 9.0);
        }
        if let Some((x, y, _)) = places.last() {
            text += &format!("<text x=\"{:.1}\" y=\"{:.1}\" class=\"{class}\">{name}</text>\n", x + 12.0, y + 4.0);
        }
        text
    }
}

/// The picture, as SVG.
pub fn draw(fleets: &[Fleet]) -> String {
    const STYLE: &str = "text { font: 13px sans-serif; fill: #333 } .grid { stroke: #ddd } \
        polyline { fill: none; stroke-width: 2 } polyline.place { stroke: #1a7f37 } polyline.again { stroke: #b35900 } \
        circle.place, text.place { fill: #1a7f37 } circle.again, text.again { fill: #b35900 }";
    let plot = Plot::of(fleets);
    let mut text = String::new();
    // Writing to a string can't fail.
    let _: std::fmt::Result = writeln!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
         <title>One worker fails: seconds until all workers run again</title>\n<style>{STYLE}</style>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{}\" y=\"18\">One worker fails: seconds until all workers run again</text>",
        ROOM.0
    );
    text += &plot.axes(fleets);
    text += &plot.curve(fleets, "again", "by recreation", |fleet| fleet.recreate.seconds);
    text += &plot.curve(fleets, "place", "in place", |fleet| fleet.in_place.seconds);
    text + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::fleet::recovery::Recovery;

    #[test]
    fn ten_times_as_much_is_always_as_far() {
        let axis = (1.0, 1000.0);
        assert!((share(10.0, axis) - 1.0 / 3.0).abs() < 1e-9 && (share(100.0, axis) - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn every_measurement_is_in_the_picture() {
        let of =
            |seconds| Recovery { first_start_seconds: 1.0, seconds, told_seconds: 1.0, writes: 1.0, watch_events: 1.0 };
        let fleet = |nodes, place, again| Fleet {
            nodes,
            registered_seconds: 1.0,
            in_place: of(place),
            recreate: of(again),
            api_peak_mb: 1.0,
            fleet_peak_mb: 1.0,
        };
        let picture = draw(&[fleet(1000, 0.6, 12.0), fleet(5000, 2.5, 80.0)]);
        for part in [">1000<", ">5000<", ">0.6<", ">80.0<", "in place", "by recreation", "</svg>"] {
            assert!(picture.contains(part), "{part}");
        }
        assert!(!picture.contains("NaN") && !picture.contains("inf"));
    }
}
