//! The result as a picture: one line for each row, one mark for each peer, at its ratio to Go.
//!
//! The axis is logarithmic, because half and double are the same distance from one. Where more is better the ratio is
//! turned over, so that left is better on every line. What has no figure is named at the end of its line.
//!
//! Rejected: bars, which on a logarithmic axis have a length that means nothing.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::peers::Peer;
use crate::rows::{Cell, Row};
use crate::workloads::Better;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Outcome = Result<(), String>;

const WIDTH: u32 = 960;
const LINE: u32 = 22;
const HEAD: u32 = 92;
const FOOT: u32 = 58;
const LABELS: u32 = 216;
const REMARKS: u32 = 170;

const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const FAINT: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);
const FONT: &str = "sans-serif";

/// Colours that stay apart for the colour-blind; each peer has a shape of its own besides.
fn colour(peer: Peer) -> RGBColor {
    match peer {
        Peer::Csp => RGBColor(0xd5, 0x5e, 0x00),
        Peer::Go => RGBColor(0x00, 0x72, 0xb2),
        Peer::May => RGBColor(0x00, 0x9e, 0x73),
        Peer::Tokio => RGBColor(0xaa, 0x44, 0x99),
        Peer::Threads => RGBColor(0x77, 0x77, 0x77),
        // Has no mark.
        Peer::Bare => INK,
    }
}

/// The picture as SVG.
pub(crate) fn svg(rows: &[Row], title: &str) -> Result<String, String> {
    let mut text = String::new();
    let height = HEAD + FOOT + LINE * u32::try_from(rows.len()).unwrap_or(u32::MAX / LINE / 2);
    let area = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
    draw(&area, rows, title).map_err(|error| format!("the plot cannot be drawn: {error}"))?;
    drop(area);
    Ok(text)
}

fn draw(area: &Area<'_>, rows: &[Row], title: &str) -> Outcome {
    area.fill(&WHITE).map_err(said)?;
    let (low, high) = range(rows);
    let chart = ChartBuilder::on(area)
        .margin_top(HEAD)
        .margin_right(REMARKS)
        .margin_bottom(FOOT)
        .margin_left(LABELS)
        .build_cartesian_2d((low..high).log_scale(), 0.0..rows.len() as f64)
        .map_err(said)?;
    words(area, title, (12, 20), 19, HPos::Left)?;
    let caption = "medians; requests per second turned over, so that left is better on every line";
    words(area, caption, (12, 42), 15, HPos::Left)?;
    legend(area)?;

    // Pixels, because marks and labels have their size in pixels.
    let across = |ratio: f64, y: f64| chart.backend_coord(&(ratio.clamp(low, high), y));
    let (top, bottom) = (rows.len() as f64, 0.0);
    for tick in ticks(low, high) {
        let (x, y) = across(tick, bottom);
        line(area, across(tick, top), (x, y), FAINT, 1)?;
        words(area, &tick.to_string(), (x, y + 14), 15, HPos::Center)?;
    }
    let (x, y) = across((low * high).sqrt(), bottom);
    words(
        area,
        "in terms of Go; less is better",
        (x, y + 38),
        16,
        HPos::Center,
    )?;
    line(
        area,
        across(1.0, top),
        across(1.0, bottom),
        colour(Peer::Go),
        2,
    )?;
    for (at, row) in rows.iter().enumerate() {
        let y = (rows.len() - at) as f64 - 0.5;
        let (left, right) = (across(low, y), across(high, y));
        line(area, left, right, FAINT, 1)?;
        let label = format!("{} P={}, {}", row.workload.name, row.procs, row.metric.unit);
        words(area, &label, (left.0 - 8, left.1), 15, HPos::Right)?;
        words(area, &remarks(row), (right.0 + 8, right.1), 14, HPos::Left)?;
        if let Some(target) = row.metric.target(row.procs) {
            let (x, y) = across(turned(row, target), y);
            line(area, (x, y - 8), (x, y + 8), INK, 2)?;
        }
        // Ours last, so that nothing covers it.
        for peer in Peer::ALL.into_iter().rev() {
            if let Some(ratio) = row.to_go(peer) {
                mark(area, peer, across(turned(row, ratio), y))?;
            }
        }
    }
    area.present().map_err(said)
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A ratio so that less is better.
fn turned(row: &Row, ratio: f64) -> f64 {
    if row.metric.better == Better::Less {
        ratio
    } else {
        ratio.recip()
    }
}

/// The least and the greatest that is shown, with room on both sides.
fn range(rows: &[Row]) -> (f64, f64) {
    let mut range = (0.25_f64, 4.0_f64);
    for row in rows {
        let targets = row.metric.target(row.procs);
        let ratios = Peer::ALL.into_iter().filter_map(|peer| row.to_go(peer));
        for ratio in ratios.chain(targets).map(|ratio| turned(row, ratio)) {
            range = (range.0.min(ratio), range.1.max(ratio));
        }
    }
    (range.0 / 1.2, range.1 * 1.2)
}

/// 1, 2 and 5 and what is ten times as much or a tenth, and so on.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let powers = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
    // Divided where it is a fraction, so that it is the number nearest to what is meant, and prints as that.
    let scaled = |digit: f64, power: i32| match power {
        0.. => digit * 10_f64.powi(power),
        _ => digit / 10_f64.powi(-power),
    };
    let all = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|digit| scaled(digit, power)));
    all.filter(|tick| (low..=high).contains(tick)).collect()
}

/// Who has no mark on a line, and why.
fn remarks(row: &Row) -> String {
    let failed = Peer::ALL
        .into_iter()
        .filter_map(|peer| match row.cell(peer) {
            Some(Cell::Failed(how)) => Some(format!("{} {how}", peer.title())),
            Some(Cell::Figure(_)) | None => None,
        });
    failed.collect::<Vec<_>>().join(", ")
}

fn words(area: &Area<'_>, text: &str, at: (i32, i32), size: u32, side: HPos) -> Outcome {
    let style = (FONT, size)
        .into_font()
        .color(&INK)
        .pos(Pos::new(side, VPos::Center));
    area.draw(&Text::new(text.to_owned(), at, style))
        .map_err(said)
}

fn line(area: &Area<'_>, from: (i32, i32), to: (i32, i32), ink: RGBColor, width: u32) -> Outcome {
    area.draw(&PathElement::new([from, to], ink.stroke_width(width)))
        .map_err(said)
}

fn mark(area: &Area<'_>, peer: Peer, (x, y): (i32, i32)) -> Outcome {
    let filled = colour(peer).filled();
    match peer {
        Peer::Csp => area.draw(&Circle::new((x, y), 6, filled)),
        // Go is the line itself; a small mark says that it has a figure on this one.
        Peer::Go => area.draw(&Circle::new((x, y), 3, filled)),
        Peer::May => area.draw(&TriangleMarker::new((x, y), 6, filled)),
        Peer::Tokio => area.draw(&Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], filled)),
        Peer::Threads => area.draw(&Cross::new((x, y), 4, colour(peer).stroke_width(2))),
        // Not drawn: it is compared with nobody here.
        Peer::Bare => Ok(()),
    }
    .map_err(said)
}

fn legend(area: &Area<'_>) -> Outcome {
    let (mut x, y) = (LABELS.cast_signed(), 70);
    for peer in Peer::ALL {
        mark(area, peer, (x, y))?;
        words(area, peer.title(), (x + 12, y), 16, HPos::Left)?;
        x += 90;
    }
    line(area, (x, y - 8), (x, y + 8), INK, 2)?;
    words(area, "target", (x + 12, y), 16, HPos::Left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{rows, tests::sample};

    #[test]
    fn every_row_and_every_failure_is_labelled() {
        let rows = rows(&[
            sample(Peer::Csp, "", 1, Some(0.01)),
            sample(Peer::Go, "", 1, Some(10.0)),
            sample(Peer::May, "", 1, None),
        ]);
        let svg = svg(&rows, "a title").expect("a picture");
        for part in ["<svg", "a title", "mutex P=1, ns", "may hangs", "target"] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
    }

    #[test]
    fn ticks_are_round_numbers() {
        let texts: Vec<String> = ticks(0.04, 21.0).iter().map(f64::to_string).collect();
        assert_eq!(
            texts,
            ["0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10", "20"]
        );
    }

    #[test]
    fn the_axis_has_room_for_all_that_is_shown() {
        let rows = rows(&[
            sample(Peer::Csp, "", 1, Some(0.01)),
            sample(Peer::Go, "", 1, Some(10.0)),
            sample(Peer::Threads, "", 1, Some(500.0)),
        ]);
        let (low, high) = range(&rows);
        assert!(low < 0.001 && high > 50.0);
    }
}
