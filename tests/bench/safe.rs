//! What it costs to make a target's bytes safe to show, beside what cannot be avoided: copying them and checking that
//! they are UTF-8.

use std::hint::black_box;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use kdeck::transcript::safe::{Safe, plain};
use kdeck::transcript::search::Pattern;
use kdeck::ui::emulator::Emulator;

/// Bytes of each corpus: well beyond the caches of a core, as history is.
const CORPUS_BYTES: usize = 4 << 20;

fn corpora() -> [(&'static str, Vec<u8>); 4] {
    let clean =
        "[   12.345678] usb 1-1: new high-speed USB device number 2 using xhci_hcd, address 0x7f\n";
    let colourful = "\x1b[32m[  OK  ]\x1b[0m Started \x1b[0;1;39mNetwork Time Synchronization\x1b[0m on \x1b[38;5;208meth0\x1b[m.\n";
    let wide = "【情報】 カーネル: デバイスを初期化しました — température 42 °C, état prêt ✓\n";
    let hostile = b"\x1b]0;title\x07\x1b[2J\x1b[?1049h\xff\xfe\x9b31m\r 10%\r\x1b[K 20%\x08\x08\xe2\x80\xaee\xcc\x81\xcc\x81\xf0\x9f\x91\xa9\xe2\x80\x8d\x00\x07\tx\x1bPq\x1b\\\x1b[3\n";
    [
        ("clean", filled(clean.as_bytes())),
        ("colourful", filled(colourful.as_bytes())),
        ("wide", filled(wide.as_bytes())),
        ("hostile", filled(hostile)),
    ]
}

fn filled(line: &[u8]) -> Vec<u8> {
    line.repeat(CORPUS_BYTES / line.len())
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n')
}

fn measure(criterion: &mut Criterion) {
    for (name, bytes) in corpora() {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10).throughput(Throughput::Bytes(
            u64::try_from(bytes.len()).expect("a few megabytes"),
        ));
        floor(&mut group, &bytes);
        group.bench_function("styled", |bencher| {
            let mut safe = Safe::new();
            bencher.iter(|| {
                lines(&bytes)
                    .map(|line| safe.line(black_box(line), 200).width())
                    .sum::<usize>()
            });
        });
        group.bench_function("plain", |bencher| {
            bencher.iter(|| {
                lines(&bytes)
                    .map(|line| plain(black_box(line)).len())
                    .sum::<usize>()
            });
        });
        group.bench_function("search", |bencher| {
            let pattern = Pattern::new("no such thing");
            bencher.iter(|| {
                lines(&bytes)
                    .filter(|line| pattern.is_in(black_box(line)))
                    .count()
            });
        });
        group.bench_function("emulator", |bencher| {
            let mut emulator = Emulator::new(80, 24);
            bencher.iter(|| emulator.feed(black_box(&bytes)));
        });
        group.finish();
    }
    one_screen_of_endless_lines(criterion);
}

/// The lower bound: a copy, and a copy with the check for UTF-8, line by line as everything above.
fn floor(group: &mut BenchmarkGroup<'_, criterion::measurement::WallTime>, bytes: &[u8]) {
    group.bench_function("memcpy", |bencher| {
        bencher.iter(|| {
            lines(bytes)
                .map(|line| black_box(line.to_vec()).len())
                .sum::<usize>()
        });
    });
    group.bench_function("from_utf8_lossy", |bencher| {
        bencher.iter(|| {
            lines(bytes)
                .map(|line| black_box(String::from_utf8_lossy(line).into_owned()).len())
                .sum::<usize>()
        });
    });
}

/// Lines as long as a transcript keeps them, of which a pane shows 80 columns.
fn one_screen_of_endless_lines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("16 KiB line at 80 columns");
    for (name, bytes) in corpora() {
        let line: Vec<u8> = bytes
            .into_iter()
            .filter(|byte| *byte != b'\n')
            .take(16 << 10)
            .collect();
        group.sample_size(10).bench_function(name, |bencher| {
            let mut safe = Safe::new();
            bencher.iter(|| safe.line(black_box(&line), 80).width());
        });
    }
    group.finish();
}

criterion_group!(benches, measure);
criterion_main!(benches);
