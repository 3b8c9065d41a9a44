//! Memory as far as it has been fetched.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Range;

use super::{Fault, MISSING_BYTES_MAX, Memory};

/// The size of a line of the cache: one page.
pub const LINE_BYTES: u64 = 4096;

/// How many lines a cache holds unless told otherwise: 8 MiB, more than one function here ever looks at.
pub const LINES_MAX: usize = 2048;

/// Fetched memory. What is fetched is kept byte by byte; the oldest line makes room for a new one.
#[derive(Debug)]
pub struct Cache {
    granule: u64,
    lines_max: usize,
    lines: HashMap<u64, Line>,
    /// The keys of `lines`, oldest first.
    order: VecDeque<u64>,
    overlays: BTreeMap<u64, Vec<u8>>,
}

/// What is known of one page.
#[derive(Debug)]
struct Line {
    bytes: Vec<u8>,
    states: Vec<State>,
    /// How many are [`State::Known`]: a full line is copied without looking at each.
    known: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    Known,
    Unreadable,
}

impl Cache {
    /// An empty cache. A fault asks for whole granules of `granule` bytes (a power of two up to [`LINE_BYTES`]):
    /// 1 asks for exactly what is wanted, more saves round trips.
    pub fn new(granule: u64) -> Self {
        Self::with_lines(granule, LINES_MAX)
    }

    /// The same with another bound than [`LINES_MAX`], in lines.
    pub fn with_lines(granule: u64, lines: usize) -> Self {
        Self {
            granule: granule.clamp(1, LINE_BYTES).next_power_of_two(),
            lines_max: lines.max(1),
            lines: HashMap::new(),
            order: VecDeque::new(),
            overlays: BTreeMap::new(),
        }
    }

    /// These bytes are known now.
    pub fn insert(&mut self, address: u64, bytes: &[u8]) {
        let mut rest = bytes;
        let mut at = address;
        while !rest.is_empty() {
            let (piece, left) = rest.split_at(rest.len().min(left_in_line(at)));
            self.line(at).learn(offset_in_line(at), piece);
            at = at.wrapping_add(piece.len() as u64);
            rest = left;
        }
    }

    /// These bytes cannot be read, but for those that are known from elsewhere.
    pub fn insert_unreadable(&mut self, address: u64, bytes: usize) {
        let mut rest = bytes;
        let mut at = address;
        while rest > 0 {
            let piece = rest.min(left_in_line(at));
            let from = offset_in_line(at);
            self.line(at).lose(from..from + piece);
            at = at.wrapping_add(piece as u64);
            rest -= piece;
        }
    }

    /// Takes the answer to a fetch of `wanted` bytes that ended at an unreadable byte after `bytes`: the rest of the
    /// page it is on is unreadable, what was wanted beyond it stays unknown.
    pub fn insert_partial(&mut self, address: u64, bytes: &[u8], wanted: usize) {
        self.insert(address, bytes);
        if bytes.len() < wanted {
            let bad = address.wrapping_add(bytes.len() as u64);
            self.insert_unreadable(bad, left_in_line(bad));
        }
    }

    /// Forgets everything but the overlays: the target ran.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.order.clear();
    }

    /// Forgets a range: it was written.
    pub fn forget(&mut self, range: Range<u64>) {
        for (&start, line) in &mut self.lines {
            let end = start.saturating_add(LINE_BYTES);
            let from = range.start.clamp(start, end) - start;
            let to = range.end.clamp(start, end) - start;
            // Both lie within a line, so they fit.
            line.mark(from as usize..to as usize, State::Unknown);
        }
    }

    /// Shows `original` at `address` whatever the target's memory holds there: a breakpoint of ours lies on it.
    pub fn overlay(&mut self, address: u64, original: &[u8]) {
        self.overlays.insert(address, original.to_vec());
    }

    /// What is shown at `address` instead of what the target's memory holds there.
    pub fn overlay_at(&self, address: u64) -> Option<&[u8]> {
        self.overlays.get(&address).map(Vec::as_slice)
    }

    /// Shows again what the target's memory holds at `address`.
    pub fn remove_overlay(&mut self, address: u64) {
        self.overlays.remove(&address);
    }

    /// The line an address lies on, made if need be.
    fn line(&mut self, address: u64) -> &mut Line {
        let start = address & !(LINE_BYTES - 1);
        if !self.lines.contains_key(&start) {
            while self.lines.len() >= self.lines_max {
                let Some(oldest) = self.order.pop_front() else {
                    break;
                };
                self.lines.remove(&oldest);
            }
            self.order.push_back(start);
        }
        self.lines.entry(start).or_insert_with(Line::unknown)
    }

    fn state(&self, address: u64) -> State {
        let line = self.lines.get(&(address & !(LINE_BYTES - 1)));
        let state = line.and_then(|line| line.states.get(offset_in_line(address)));
        state.copied().unwrap_or(State::Unknown)
    }

    /// What to fetch when the byte at `address` is unknown and `wanted` bytes from there on are needed.
    fn missing(&self, address: u64, wanted: usize) -> Fault {
        let start = address & !(self.granule - 1);
        let before = address - start;
        let wanted = wanted.min(MISSING_BYTES_MAX);
        let mut unknown = 0;
        while unknown < wanted {
            let at = address.wrapping_add(unknown as u64);
            let most = left_in_line(at).min(wanted - unknown);
            let line = self.lines.get(&(at & !(LINE_BYTES - 1)));
            let count = line.map_or(most, |line| line.unknown_from(offset_in_line(at), most));
            unknown += count;
            if count < most {
                break;
            }
        }
        let granules = (before + unknown as u64).div_ceil(self.granule);
        let bytes = usize::try_from(granules * self.granule).unwrap_or(MISSING_BYTES_MAX);
        Fault::Missing {
            address: start,
            bytes: bytes.min(MISSING_BYTES_MAX),
        }
    }
}

impl Memory for Cache {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Fault> {
        let length = into.len();
        let mut rest = &mut *into;
        let mut at = address;
        while !rest.is_empty() {
            let wanted = rest.len();
            let (piece, left) = rest.split_at_mut(wanted.min(left_in_line(at)));
            let Some(line) = self.lines.get(&(at & !(LINE_BYTES - 1))) else {
                return Err(self.missing(at, wanted));
            };
            if let Some(bad) = line.copy(offset_in_line(at), piece) {
                let bad_address = at.wrapping_add(bad as u64);
                return Err(match self.state(bad_address) {
                    State::Unreadable => Fault::Unreadable {
                        address: bad_address,
                    },
                    State::Known | State::Unknown => self.missing(bad_address, wanted - bad),
                });
            }
            at = at.wrapping_add(piece.len() as u64);
            rest = left;
        }
        for (&start, original) in &self.overlays {
            for (offset, byte) in (0_u64..).zip(original) {
                let position = start.wrapping_add(offset).wrapping_sub(address);
                if position < length as u64
                    && let Ok(position) = usize::try_from(position)
                    && let Some(shown) = into.get_mut(position)
                {
                    *shown = *byte;
                }
            }
        }
        Ok(())
    }
}

impl Line {
    fn unknown() -> Self {
        Self {
            bytes: vec![0; LINE_BYTES as usize],
            states: vec![State::Unknown; LINE_BYTES as usize],
            known: 0,
        }
    }

    fn learn(&mut self, from: usize, bytes: &[u8]) {
        let range = from..from + bytes.len();
        if let Some(place) = self.bytes.get_mut(range.clone()) {
            place.copy_from_slice(bytes);
            self.mark(range, State::Known);
        }
    }

    fn mark(&mut self, range: Range<usize>, state: State) {
        for place in self.states.get_mut(range).unwrap_or_default() {
            self.known -= usize::from(*place == State::Known);
            self.known += usize::from(state == State::Known);
            *place = state;
        }
    }

    /// What is unknown there cannot be read.
    fn lose(&mut self, range: Range<usize>) {
        for place in self.states.get_mut(range).unwrap_or_default() {
            if *place == State::Unknown {
                *place = State::Unreadable;
            }
        }
    }

    /// How many bytes from `from` on are unknown, `most` at most.
    fn unknown_from(&self, from: usize, most: usize) -> usize {
        let states = self.states.get(from..from + most).unwrap_or_default();
        let known = states.iter().position(|&state| state != State::Unknown);
        known.unwrap_or(most)
    }

    /// Copies what is known from `from` on; the position in `into` of the first byte that is not.
    fn copy(&self, from: usize, into: &mut [u8]) -> Option<usize> {
        let range = from..from + into.len();
        if self.known < self.states.len() {
            let states = self.states.get(range.clone())?;
            let bad = states.iter().position(|&state| state != State::Known);
            if bad.is_some() {
                return bad;
            }
        }
        into.copy_from_slice(self.bytes.get(range)?);
        None
    }
}

/// The position of an address in its line.
const fn offset_in_line(address: u64) -> usize {
    (address & (LINE_BYTES - 1)) as usize
}

/// How many bytes of its line follow an address, itself included.
const fn left_in_line(address: u64) -> usize {
    (LINE_BYTES - (address & (LINE_BYTES - 1))) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(cache: &Cache, address: u64, count: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = vec![0; count];
        cache.read(address, &mut bytes).map(|()| bytes)
    }

    #[test]
    fn what_is_not_known_is_asked_for_in_whole_granules() {
        let mut cache = Cache::new(64);
        let missing = |address, bytes| Err(Fault::Missing { address, bytes });
        assert_eq!(read(&cache, 0x1010, 8), missing(0x1000, 64));
        assert_eq!(read(&cache, 0x103c, 8), missing(0x1000, 128));
        cache.insert(0x1000, &[7; 64]);
        assert_eq!(read(&cache, 0x1010, 8), Ok(vec![7; 8]));
        assert_eq!(read(&cache, 0x103c, 8), missing(0x1040, 64));
    }

    #[test]
    fn a_fault_asks_for_the_whole_run_of_unknown_bytes() {
        let mut cache = Cache::new(1);
        cache.insert(0x2000, &[1; 4]);
        let missing = Fault::Missing {
            address: 0x1ff0,
            bytes: 0x10,
        };
        assert_eq!(read(&cache, 0x1ff0, 0x100), Err(missing));
    }

    #[test]
    fn a_short_answer_makes_the_rest_of_its_page_unreadable_and_no_more() {
        let mut cache = Cache::new(1);
        cache.insert_partial(0x1ff0, &[1; 0x10], 0x2000);
        assert_eq!(
            read(&cache, 0x1ff0, 0x11),
            Err(Fault::Unreadable { address: 0x2000 })
        );
        assert!(matches!(
            read(&cache, 0x3000, 1),
            Err(Fault::Missing { .. })
        ));
        let bytes = cache.read_readable(0x1ffe, 4).unwrap();
        assert_eq!(bytes, [Some(1), Some(1), None, None]);
    }

    #[test]
    fn an_overlay_hides_a_breakpoint_until_it_is_removed() {
        let mut cache = Cache::new(1);
        cache.insert(0x1000, &[0x90, 0xcc, 0x90]);
        cache.overlay(0x1001, &[0x55]);
        assert_eq!(read(&cache, 0x1000, 3), Ok(vec![0x90, 0x55, 0x90]));
        cache.clear();
        cache.insert(0x1000, &[0x90, 0xcc, 0x90]);
        assert_eq!(read(&cache, 0x1001, 2), Ok(vec![0x55, 0x90]));
        cache.remove_overlay(0x1001);
        assert_eq!(read(&cache, 0x1001, 2), Ok(vec![0xcc, 0x90]));
    }

    #[test]
    fn what_was_written_is_fetched_again() {
        let mut cache = Cache::new(1);
        cache.insert(0x1ffc, &[1; 8]);
        cache.forget(0x1ffe..0x2001);
        let missing = Fault::Missing {
            address: 0x1ffe,
            bytes: 3,
        };
        assert_eq!(read(&cache, 0x1ffc, 8), Err(missing));
        assert_eq!(read(&cache, 0x2001, 3), Ok(vec![1; 3]));
    }

    #[test]
    fn what_is_known_stays_where_the_rest_of_a_page_cannot_be_read() {
        let mut cache = Cache::new(512);
        cache.insert(0x1010, &[1, 2]);
        cache.insert_unreadable(0x1000, 512);
        assert_eq!(read(&cache, 0x1010, 2), Ok(vec![1, 2]));
        assert_eq!(
            read(&cache, 0x1010, 3),
            Err(Fault::Unreadable { address: 0x1012 })
        );
    }

    #[test]
    fn the_oldest_line_makes_room() {
        let mut cache = Cache::with_lines(1, 2);
        for page in 0..3 {
            cache.insert(page * LINE_BYTES, &[1]);
        }
        assert!(matches!(read(&cache, 0, 1), Err(Fault::Missing { .. })));
        assert_eq!(read(&cache, 2 * LINE_BYTES, 1), Ok(vec![1]));
    }

    #[test]
    fn the_end_of_the_address_space_wraps() {
        let mut cache = Cache::new(1);
        cache.insert(u64::MAX - 1, &[1, 2, 3]);
        assert_eq!(read(&cache, u64::MAX, 2), Ok(vec![2, 3]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn fetching_what_is_missing_always_ends_with_an_answer(
            address in any::<u64>(), count in 0_usize..20_000, granule in 1_u64..8192, readable in any::<bool>(),
        ) {
            let mut cache = Cache::new(granule);
            for _ in 0..10 {
                match read(&cache, address, count) {
                    Err(Fault::Missing { address, bytes }) if readable => cache.insert(address, &vec![5; bytes]),
                    Err(Fault::Missing { address, bytes }) => cache.insert_partial(address, &[], bytes),
                    Err(Fault::Unreadable { .. }) => { prop_assert!(!readable); return Ok(()); }
                    Ok(bytes) => { prop_assert_eq!(bytes, vec![5; count]); return Ok(()); }
                }
            }
            prop_assert!(false, "no answer");
        }
    }
}
