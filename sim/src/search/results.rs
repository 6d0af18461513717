//! What is kept of each run of a sweep, and which runs are done already?

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// One run: a line of JSON. Lines stand for themselves, so that the files of several shards are put together with `cat`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The name of the scenario.
    pub scenario: String,
    /// A number that differs when the scenario does, in hexadecimal: results of different scenarios are not mixed.
    pub digest: String,
    /// The number of the run, from 0.
    pub run: u64,
    /// Its seed.
    pub seed: u64,
    /// Whether it kept all promises, and the bound.
    pub passed: bool,
    /// Each broken promise in a sentence.
    pub failures: Vec<String>,
    /// From the start until the last application had ended, in ns of virtual time.
    pub took_ns: u64,
    /// From the start until nothing was left to happen, TIME-WAIT included, in ns of virtual time.
    pub virtual_end_ns: u64,
    /// Frames put on all cables.
    pub frames: u64,
    /// Of these, those that never arrived.
    pub dropped: u64,
    /// TCP segments that began with something sent before.
    pub retransmissions: u64,
}

/// What came out of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Each broken promise in a sentence, and a panic.
    pub failures: Vec<String>,
    /// From the start until the last application had ended, ns of virtual time.
    pub took_ns: u64,
    /// From the start until nothing was left to happen, ns of virtual time.
    pub virtual_end_ns: u64,
    /// Frames put on all cables.
    pub frames: u64,
    /// Of these, those that never arrived.
    pub dropped: u64,
    /// TCP segments that hosts sent again.
    pub retransmissions: u64,
}

impl Record {
    /// The line of run number `run`.
    pub fn new(sweep: &Sweep<'_>, run: u64, measured: Measured) -> Record {
        let Measured { failures, took_ns, virtual_end_ns, frames, dropped, retransmissions } = measured;
        Record {
            scenario: sweep.scenario.to_owned(),
            digest: sweep.digest.to_owned(),
            run,
            seed: sweep.seed(run),
            passed: failures.is_empty(),
            failures,
            took_ns,
            virtual_end_ns,
            frames,
            dropped,
            retransmissions,
        }
    }
}

/// Which sweep a line has to be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep<'a> {
    /// The name of the scenario.
    pub scenario: &'a str,
    /// Its digest.
    pub digest: &'a str,
    /// The seed of run 0; the seed of run n is n more.
    pub first_seed: u64,
    /// How many runs the whole sweep has.
    pub runs: u64,
}

impl Sweep<'_> {
    /// The seed of a run. Seeds wrap.
    pub fn seed(&self, run: u64) -> u64 {
        self.first_seed.wrapping_add(run)
    }

    /// Why `record` is of another sweep; `None` if it is of this.
    fn objects_to(&self, record: &Record) -> Option<String> {
        if record.scenario != self.scenario {
            return Some(format!("it is of scenario {:?}, not of {:?}", record.scenario, self.scenario));
        }
        if record.digest != self.digest {
            let (found, wanted) = (&record.digest, self.digest);
            return Some(format!("the scenario was another one then (its digest is {wanted}, here {found})"));
        }
        if record.seed != self.seed(record.run) {
            let (run, found, wanted) = (record.run, record.seed, self.seed(record.run));
            return Some(format!("run {run} has seed {found}, and would have {wanted} in this sweep"));
        }
        (record.run >= self.runs).then(|| format!("it is of run {}, and this sweep ends at {}", record.run, self.runs))
    }
}

/// A file of results from an earlier sweep that was stopped, ready to be continued.
#[derive(Debug)]
pub struct Resumed {
    /// Open at its end.
    pub file: File,
    /// The runs that it has.
    pub done: BTreeSet<u64>,
    /// How many of these failed.
    pub failed: u64,
    /// Whether its last line had no end, as after a crash: it is cut off, and its run is done again.
    pub is_torn: bool,
}

/// Opens the results of `sweep` at `path`, or makes the file if there is none.
///
/// # Errors
/// The file cannot be read or written, or a line is not a result of this sweep; the file is not changed then.
pub fn resume(path: &Path, sweep: &Sweep<'_>) -> Result<Resumed, ResultsError> {
    let error = |line, what: String| ResultsError { path: path.to_owned(), line, what };
    let cannot = |what: &io::Error| error(None, what.to_string());
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = file.map_err(|what| cannot(&what))?;
    let (mut done, mut failed, mut whole_bytes, mut is_torn) = (BTreeSet::new(), 0, 0, false);
    let mut reader = BufReader::new(&mut file);
    for number in 1.. {
        let mut line = Vec::new();
        let mut limited = reader.by_ref().take(LINE_BYTES_MAX);
        let bytes = limited.read_until(b'\n', &mut line).map_err(|what| cannot(&what))? as u64;
        if bytes == 0 {
            break;
        }
        if bytes == LINE_BYTES_MAX {
            return Err(error(Some(number), format!("longer than {LINE_BYTES_MAX} bytes: no result is")));
        }
        if line.last() != Some(&b'\n') {
            is_torn = true;
            break;
        }
        let record: Record =
            serde_json::from_slice(&line).map_err(|what| error(Some(number), format!("not a result: {what}")))?;
        if let Some(why) = sweep.objects_to(&record) {
            return Err(error(Some(number), why));
        }
        if !done.insert(record.run) {
            return Err(error(Some(number), format!("run {} is there twice", record.run)));
        }
        failed += u64::from(!record.passed);
        whole_bytes += bytes;
    }
    drop(reader);
    file.set_len(whole_bytes).map_err(|what| cannot(&what))?;
    file.seek(SeekFrom::End(0)).map_err(|what| cannot(&what))?;
    Ok(Resumed { file, done, failed, is_torn })
}

/// Why results cannot be continued.
#[derive(Debug)]
pub struct ResultsError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1, if it is about one.
    pub line: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// `out.jsonl: line 3: not a result: …`.
impl fmt::Display for ResultsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for ResultsError {}

/// A file that is not ours is noticed before it fills the memory.
const LINE_BYTES_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const SWEEP: Sweep<'static> = Sweep { scenario: "some", digest: "00ff", first_seed: 5, runs: 100 };

    fn record(run: u64) -> Record {
        Record {
            scenario: String::from("some"),
            digest: String::from("00ff"),
            run,
            seed: 5 + run,
            passed: !run.is_multiple_of(3),
            failures: if run.is_multiple_of(3) { vec![String::from("it is \"late\"\n")] } else { vec![] },
            took_ns: 1,
            virtual_end_ns: u64::MAX,
            frames: 3,
            dropped: 1,
            retransmissions: 0,
        }
    }

    fn lines(runs: impl IntoIterator<Item = u64>) -> String {
        runs.into_iter().map(|run| serde_json::to_string(&record(run)).expect("JSON") + "\n").collect()
    }

    fn file(name: &str, content: &[u8]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("smolsock-results-{}-{name}", std::process::id()));
        std::fs::write(&path, content).expect("a temporary file");
        path
    }

    #[test]
    fn what_is_done_is_read_and_the_rest_is_appended() {
        let path = file("append", lines(0..7).as_bytes());
        let mut resumed = resume(&path, &SWEEP).expect("results");
        assert!(resumed.done.iter().copied().eq(0..7) && !resumed.is_torn);
        assert_eq!(resumed.failed, 3);
        resumed.file.write_all(lines(7..8).as_bytes()).expect("writable");
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), lines(0..8));
        std::fs::remove_file(path).expect("it was there");
    }

    #[test]
    fn a_last_line_is_torn_wherever_it_ends() {
        let whole = lines(0..3);
        let two = lines(0..2);
        for length in two.len() + 1..whole.len() {
            let path = file("torn", &whole.as_bytes()[..length]);
            let resumed = resume(&path, &SWEEP).expect("results");
            assert!(resumed.is_torn && resumed.done.into_iter().eq(0..2), "{length}");
            assert_eq!(std::fs::read_to_string(&path).expect("readable"), two);
            std::fs::remove_file(path).expect("it was there");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_made() {
        let path = file("new", b"");
        std::fs::remove_file(&path).expect("it was there");
        assert!(resume(&path, &SWEEP).is_ok_and(|resumed| resumed.done.is_empty() && !resumed.is_torn));
        std::fs::remove_file(path).expect("it was made");
    }

    #[test]
    fn what_is_not_of_this_sweep_is_refused_and_left_alone() {
        let other = |change: fn(&mut Record)| {
            let mut other = record(1);
            change(&mut other);
            lines(0..1) + &serde_json::to_string(&other).expect("JSON") + "\n"
        };
        let cases = [
            (other(|record| record.scenario = String::from("other")), "line 2: it is of scenario \"other\""),
            (other(|record| record.digest = String::from("1")), "line 2: the scenario was another one"),
            (other(|record| record.seed = 9), "line 2: run 1 has seed 9, and would have 6"),
            (other(|record| (record.run, record.seed) = (100, 105)), "line 2: it is of run 100"),
            (lines([4, 4]), "line 2: run 4 is there twice"),
            (String::from("{}\n"), "line 1: not a result: missing field"),
            (String::from("\n"), "line 1: not a result"),
            (lines(0..1).replace("\"seed\"", "\"sed\""), "line 1: not a result: unknown field `sed`"),
            ("x".repeat(2 << 20), "line 1: longer than"),
        ];
        for (content, wanted) in cases {
            let path = file("other", content.as_bytes());
            let error = resume(&path, &SWEEP).expect_err(wanted).to_string();
            assert!(error.contains(wanted) && error.contains("smolsock-results"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).expect("readable"), content);
            std::fs::remove_file(path).expect("it was there");
        }
        assert!(resume(Path::new("/no/such/directory/x"), &SWEEP).is_err());
    }

    #[test]
    fn seeds_wrap() {
        assert_eq!(Sweep { first_seed: u64::MAX, ..SWEEP }.seed(2), 1);
    }
}
