//! Makes a small copy of every image in a directory: three stages, each several goroutines, joined by channels. What is
//! no image is reported and left out.
//!
//! ```text
//!          files           images          thumbnails        reports
//!   list ────────▶ decode ────────▶ resize ────────────▶ write ───────▶ main
//! ```
//!
//! `cargo run --release --example thumbnails -- DIR OUT` writes `OUT/NAME.png` for each image `DIR/NAME`; without `OUT`
//! they go into `DIR/thumbnails`. Without `DIR` it makes a few files to work on, removes them at the end, and prints
//!
//! ```text
//! broken.png: left out
//! dot.png: 1x1
//! landscape.png: 64x32
//! notes.txt: left out
//! portrait.jpg: 32x64
//! small.png: 40x30
//! square.jpg: 64x64
//! 5 thumbnails, 2 files left out
//! ```

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

use csp::prelude::*;
use image::{DynamicImage, ImageReader, ImageResult, Rgb, RgbImage};

/// No side of a thumbnail is longer.
const SIDE: u32 = 64;
/// How many images wait between two stages: they are large.
const QUEUE: usize = 2;
/// Decoders keep tables on the stack, and nobody says how large. What is not touched costs nothing.
const STACK: usize = 2 << 20;

/// An image on its way, with its file's name.
type Named = (OsString, DynamicImage);
/// What became of a file: the size of its thumbnail, or why there is none.
type Report = (OsString, ImageResult<(u32, u32)>);

fn decode(files: Receiver<PathBuf>, images: Sender<Named>, reports: Sender<Report>) {
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_owned();
        match open(&path) {
            Ok(image) => images.send((name, image)).expect("resizers wait for it"),
            Err(error) => reports.send((name, Err(error))).expect("main waits for it"),
        }
    }
}

/// Reads an image, whatever its file is called.
fn open(path: &Path) -> ImageResult<DynamicImage> {
    ImageReader::open(path)?.with_guessed_format()?.decode()
}

fn resize(images: Receiver<Named>, thumbnails: Sender<Named>) {
    for (name, image) in &images {
        // Never larger than the image itself.
        let (width, height) = (image.width().min(SIDE), image.height().min(SIDE));
        let small = (name, image.thumbnail(width, height));
        thumbnails.send(small).expect("writers wait for it");
    }
}

fn write(thumbnails: Receiver<Named>, out: PathBuf, reports: Sender<Report>) {
    for (name, image) in &thumbnails {
        let mut path = out.join(&name);
        path.as_mut_os_string().push(".png");
        let size = (image.width(), image.height());
        let report = (name, image.save(path).map(|()| size));
        reports.send(report).expect("main waits for it");
    }
}

/// Makes the thumbnails of all images in `dir`, and returns what became of each file, by name.
fn thumbnails(dir: &Path, out: &Path) -> io::Result<Vec<Report>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    fs::create_dir_all(out)?;

    let (found, files) = channel(QUEUE);
    let (decoded, images) = channel(QUEUE);
    let (resized, small) = channel(QUEUE);
    let (report, reports) = channel(0);
    go!({
        for path in paths {
            found.send(path).expect("decoders wait for it");
        }
    });
    // Each stage ends when the one before it has: its channel closes with the last of its senders.
    for _ in 0..csp::runtime::gomaxprocs(None) {
        go!(stack(STACK), clone(files, decoded, report) => decode(files, decoded, report));
        go!(stack(STACK), clone(images, resized) => resize(images, resized));
        go!(stack(STACK), clone(small, report) => write(small, out.to_owned(), report));
    }
    drop((files, decoded, images, resized, small, report));

    let mut reports: Vec<Report> = reports.iter().collect();
    reports.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(reports)
}

/// Prints the reports.
fn print(reports: &[Report]) {
    for (name, outcome) in reports {
        let name = name.display();
        match outcome {
            Ok((width, height)) => println!("{name}: {width}x{height}"),
            Err(error) => {
                println!("{name}: left out");
                eprintln!("{name}: {error}");
            }
        }
    }
    let made = reports.iter().filter(|report| report.1.is_ok()).count();
    let rest = reports.len() - made;
    println!("{made} thumbnails, {rest} files left out");
}

/// A directory that is removed at the end.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn demo() -> io::Result<()> {
    let dir = env::temp_dir().join(format!("thumbnails-{}", process::id()));
    fs::create_dir(&dir)?;
    let dir = Temporary(dir);
    let sizes = [
        ("landscape.png", 400, 200),
        ("portrait.jpg", 150, 300),
        ("square.jpg", 256, 256),
        ("small.png", 40, 30),
        ("dot.png", 1, 1),
    ];
    for (name, width, height) in sizes {
        let colour = |x, y| Rgb([(255 * x / width) as u8, (255 * y / height) as u8, 128]);
        let image = RgbImage::from_fn(width, height, colour);
        image.save(dir.0.join(name)).map_err(io::Error::other)?;
    }
    fs::write(dir.0.join("notes.txt"), "not an image")?;
    // One that looks well at first.
    let whole = fs::read(dir.0.join("landscape.png"))?;
    fs::write(dir.0.join("broken.png"), &whole[..whole.len() / 2])?;

    let out = dir.0.join("small copies");
    let reports = thumbnails(&dir.0, &out)?;
    print(&reports);
    assert_eq!(reports.len(), sizes.len() + 2);
    for (name, outcome) in reports {
        let written = open(&out.join(format!("{}.png", name.display())));
        let size = written.map(|image| (image.width(), image.height()));
        assert_eq!(size.ok(), outcome.ok(), "{}", name.display());
    }
    Ok(())
}

#[csp::main]
fn main() -> io::Result<()> {
    let mut args = env::args_os().skip(1).map(PathBuf::from);
    match (args.next(), args.next(), args.next()) {
        (None, ..) => demo(),
        (Some(dir), out, None) => {
            let out = out.unwrap_or_else(|| dir.join("thumbnails"));
            print(&thumbnails(&dir, &out)?);
            Ok(())
        }
        _ => Err(io::Error::other("usage: thumbnails [DIR [OUT]]")),
    }
}
