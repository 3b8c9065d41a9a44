//! What it costs to keep what targets print and to write it to their logs, beside what cannot be avoided: copying it,
//! and finding its newlines.

use std::hint::black_box;
use std::time::Instant;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use kdeck::proto::telnet::Telnet;
use kdeck::transcript::log::format::{Lines, Stamp};
use kdeck::transcript::{Limits, Reader, Ring, Step, Time};

/// Bytes of each corpus: no more than the history below holds, well beyond the caches of a core.
const CORPUS_BYTES: usize = 8 << 20;
/// Bytes that one read of a link brings.
const READ_BYTES: usize = 256 << 10;
/// Formatted text that is written to a file at once.
const SLICE_BYTES: usize = 256 << 10;
const IAC: u8 = 255;

fn corpora() -> [(&'static str, Vec<u8>); 3] {
    let line = format!(
        "[   12.345678] {}\n",
        "usb 1-1: device descriptor read/64 ".repeat(3)
    );
    [
        ("lines of 100", filled(&line.as_bytes()[line.len() - 100..])),
        ("lines of 10", filled(b"login ok.\n")),
        ("empty lines", filled(b"\n")),
    ]
}

fn filled(line: &[u8]) -> Vec<u8> {
    line.repeat(CORPUS_BYTES / line.len())
}

/// A history that was full before, so that its memory is not new.
fn full(bytes: &[u8]) -> Ring {
    let mut ring = Ring::new(Limits {
        bytes: 16 << 20,
        ..Limits::default()
    });
    for _ in 0..4 {
        append(&mut ring, bytes);
    }
    ring
}

fn append(ring: &mut Ring, bytes: &[u8]) {
    for (read, piece) in (1..).zip(bytes.chunks(READ_BYTES)) {
        ring.output(Time(read), piece);
    }
}

fn measure(criterion: &mut Criterion) {
    for (name, bytes) in corpora() {
        let mut group = criterion.benchmark_group(name);
        group
            .sample_size(10)
            .throughput(Throughput::Bytes(bytes.len() as u64));
        bounds(&mut group, &bytes);
        group.bench_function("append", |bencher| {
            let mut ring = full(&bytes);
            bencher.iter(|| append(&mut ring, black_box(&bytes)));
        });
        let ring = full(&bytes);
        let kept: usize = ring.entries(1).map(|entry| entry.bytes.len() + 1).sum();
        group.throughput(Throughput::Bytes(kept as u64));
        group.bench_function("read", |bencher| {
            bencher.iter(|| {
                let mut sum = 0;
                Reader::from(ring.first()).read(&ring, true, |step| {
                    if let Step::Entry(entry, _) = step {
                        sum += entry.bytes.len();
                    }
                    true
                });
                sum
            });
        });
        for (name, raw, stamp) in [
            ("log with time stamps", false, Stamp::Iso),
            ("log without", false, Stamp::Off),
            ("raw log", true, Stamp::Off),
        ] {
            group.bench_function(name, |bencher| {
                let mut lines = Lines::new(raw, stamp.clone());
                let mut slice = Vec::new();
                bencher.iter(|| log(&ring, &mut lines, &mut slice));
            });
        }
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        telnet(&mut group, "telnet", &bytes);
        group.finish();
    }
    let mut group = criterion.benchmark_group("hostile");
    let escaped = filled(&[IAC, IAC, b'x', b'\r', 0, b'\r', b'\n']);
    group
        .sample_size(10)
        .throughput(Throughput::Bytes(escaped.len() as u64));
    telnet(&mut group, "telnet", &escaped);
    group.finish();
}

/// What cannot be avoided.
fn bounds(group: &mut BenchmarkGroup<'_, WallTime>, bytes: &[u8]) {
    let mut copy = vec![0; bytes.len()];
    group.bench_function("memcpy", |bencher| {
        bencher.iter(|| black_box(&mut copy).copy_from_slice(black_box(bytes)));
    });
    group.bench_function("count newlines", |bencher| {
        bencher.iter(|| memchr::memchr_iter(b'\n', black_box(bytes)).count());
    });
}

/// Formats a whole history, as for files.
fn log(ring: &Ring, lines: &mut Lines, slice: &mut Vec<u8>) -> usize {
    let mut reader = Reader::from(ring.first());
    let mut written = 0;
    while reader.position() < ring.next() {
        slice.clear();
        lines.begin();
        reader.read(ring, true, |step| {
            lines.push(step, slice);
            slice.len() < SLICE_BYTES
        });
        written += black_box(&*slice).len();
    }
    written
}

fn telnet(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, bytes: &[u8]) {
    group.bench_function(name, |bencher| {
        let mut telnet = Telnet::new(Default::default());
        let mut text = Vec::new();
        let now = Instant::now();
        bencher.iter(|| {
            for piece in black_box(bytes).chunks(READ_BYTES) {
                text.clear();
                telnet.handle_bytes(now, piece, &mut text);
            }
            text.len()
        });
    });
}

criterion_group!(benches, measure);
criterion_main!(benches);
