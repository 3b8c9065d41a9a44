//! Files of the host that a target asks for: driver replacements at boot. Refused, unless a directory is set aside for
//! them, and then only read, and only from there.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use crate::proto::kd::{FileAnswer, FileRequest, FileResult, NtStatus};
use crate::transcript;

/// Files one target may have open at once.
const OPEN_MAX: usize = 64;

/// What one target may read.
#[derive(Debug, Default)]
pub struct Files {
    directory: Option<PathBuf>,
    open: HashMap<u64, File>,
    last_handle: u64,
    /// That nothing is given was said since the target began.
    said_so: bool,
}

/// An answer to the target, and what people should know of it.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub message: FileAnswer,
    /// A file was given or, though a directory is set aside, not found.
    pub notice: Option<String>,
}

impl Files {
    /// Those of `directory`, or none.
    pub fn new(directory: Option<PathBuf>) -> Self {
        Self {
            directory,
            ..Self::default()
        }
    }

    /// The target began anew.
    pub fn restarted(&mut self) {
        self.said_so = false;
    }

    fn create(&mut self, name: &[u16]) -> Result<(FileResult, String), (NtStatus, Option<String>)> {
        let path = String::from_utf16_lossy(name);
        let Some(directory) = &self.directory else {
            let shown = transcript::safe::plain(path.as_bytes());
            let text = format!(
                "the target asks for files of this machine, {shown} first; it gets none. files=DIRECTORY in its connection string sets a directory aside for it"
            );
            let is_first = !std::mem::replace(&mut self.said_so, true);
            return Err((NtStatus::NO_SUCH_FILE, is_first.then_some(text)));
        };
        let base = path.rsplit(['\\', '/']).next().unwrap_or_default();
        let found = std::fs::read_dir(directory).and_then(|entries| {
            entries
                .flatten()
                .find(|entry| {
                    entry
                        .file_name()
                        .to_string_lossy()
                        .eq_ignore_ascii_case(base)
                })
                .map(|entry| entry.path())
                .ok_or_else(|| io::ErrorKind::NotFound.into())
        });
        let opened = found.and_then(|path| {
            // Opening a pipe would wait for its other end.
            let kind = std::fs::metadata(&path)?;
            if !kind.is_file() {
                return Err(io::Error::other("it is no file"));
            }
            let file = File::open(&path)?;
            Ok((file, kind.len(), path))
        });
        match opened {
            Ok((file, length, path)) if self.open.len() < OPEN_MAX => {
                self.last_handle += 1;
                let handle = self.last_handle;
                self.open.insert(handle, file);
                let text = format!("gave the target {} ({length} bytes)", path.display());
                Ok((FileResult::Created { handle, length }, text))
            }
            Ok(_) => Err((
                NtStatus::ACCESS_DENIED,
                Some(format!("refused a file: {OPEN_MAX} are open already")),
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err((NtStatus::NO_SUCH_FILE, None))
            }
            Err(error) => Err((
                NtStatus::ACCESS_DENIED,
                Some(format!("cannot give the target {base}: {error}")),
            )),
        }
    }

    fn read(&self, handle: u64, offset: u64, count: usize) -> Result<FileResult, NtStatus> {
        let file = self.open.get(&handle).ok_or(NtStatus::INVALID_HANDLE)?;
        let mut data = vec![0; count];
        match file.read_at(&mut data, offset) {
            Ok(0) if count > 0 => Err(NtStatus::END_OF_FILE),
            Ok(read) => {
                data.truncate(read);
                Ok(FileResult::Read { data })
            }
            Err(_) => Err(NtStatus::UNSUCCESSFUL),
        }
    }
}

/// What the target is answered, with at most `data_bytes` bytes of a file.
pub fn answer(files: &mut Files, request: &FileRequest, data_bytes: u32) -> Answered {
    let (result, notice) = match request {
        FileRequest::Create { name, .. } => match files.create(name) {
            Ok((result, text)) => (Ok(result), Some(text)),
            Err((status, notice)) => (Err(status), notice),
        },
        FileRequest::Read {
            handle,
            offset,
            count,
        } => {
            let count = usize::try_from((*count).min(data_bytes)).unwrap_or_default();
            (files.read(*handle, *offset, count), None)
        }
        FileRequest::Close { handle } => match files.open.remove(handle) {
            Some(_) => (Ok(FileResult::Closed), None),
            None => (Err(NtStatus::INVALID_HANDLE), None),
        },
        FileRequest::Write { .. } => (Err(NtStatus::ACCESS_DENIED), None),
        FileRequest::Unknown(_) => (Err(NtStatus::NOT_IMPLEMENTED), None),
    };
    let message = match result {
        Ok(result) => FileAnswer {
            status: NtStatus::SUCCESS,
            result,
        },
        Err(status) => request.refuse(status),
    };
    Answered { message, notice }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(name: &str) -> FileRequest {
        FileRequest::Create {
            access: 0,
            attributes: 0,
            share: 0,
            disposition: 0,
            options: 0,
            name: name.encode_utf16().collect(),
        }
    }

    #[test]
    fn without_a_directory_everything_is_refused() {
        let mut files = Files::default();
        let answered = answer(&mut files, &create(r"\SystemRoot\a.sys"), 1024);
        assert_eq!(answered.message.status, NtStatus::NO_SUCH_FILE);
        let notice = answered.notice.unwrap();
        assert!(notice.contains("a.sys") && notice.contains("files=DIRECTORY"));
        let again = answer(&mut files, &create(r"\SystemRoot\b.sys"), 1024);
        assert_eq!(again.notice, None, "it is said once");
        files.restarted();
        let anew = answer(&mut files, &create(r"\SystemRoot\a.sys"), 1024);
        assert!(anew.notice.is_some());
    }

    #[test]
    fn a_pipe_in_the_directory_is_not_waited_for() {
        let lab = tempfile::tempdir().unwrap();
        let pipe = lab.path().join("a.sys");
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let mut files = Files::new(Some(lab.path().to_owned()));
        let refused = answer(&mut files, &create(r"\SystemRoot\a.sys"), 1024);
        assert_eq!(refused.message.status, NtStatus::ACCESS_DENIED);
    }

    #[test]
    fn a_file_of_the_directory_is_read_in_pieces_and_nothing_outside_of_it() {
        let lab = tempfile::tempdir().unwrap();
        let directory = lab.path().join("drivers");
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("MyDrv.sys"), b"0123456789").unwrap();
        std::fs::write(lab.path().join("secret"), b"no").unwrap();
        let mut files = Files::new(Some(directory));
        for outside in [r"\??\C:\..\secret", "../secret", "..", "drivers", ""] {
            let refused = answer(&mut files, &create(outside), 1024);
            assert!(refused.message.status.is_failure(), "{outside}");
        }
        let opened = answer(
            &mut files,
            &create(r"\SystemRoot\System32\drivers\mydrv.SYS"),
            1024,
        );
        let FileResult::Created { handle, length } = opened.message.result else {
            panic!("{opened:?}");
        };
        assert_eq!((length, opened.message.status), (10, NtStatus::SUCCESS));
        let mut read = |offset| {
            let request = FileRequest::Read {
                handle,
                offset,
                count: 100,
            };
            answer(&mut files, &request, 4).message
        };
        assert_eq!(
            read(0).result,
            FileResult::Read {
                data: b"0123".into()
            }
        );
        assert_eq!(read(8).result, FileResult::Read { data: b"89".into() });
        assert_eq!(read(10).status, NtStatus::END_OF_FILE);
        let write = FileRequest::Write {
            handle,
            offset: 0,
            data: b"x".into(),
        };
        assert_eq!(
            answer(&mut files, &write, 4).message.status,
            NtStatus::ACCESS_DENIED
        );
        let close = FileRequest::Close { handle };
        assert_eq!(
            answer(&mut files, &close, 4).message.status,
            NtStatus::SUCCESS
        );
        assert_eq!(
            answer(&mut files, &close, 4).message.status,
            NtStatus::INVALID_HANDLE
        );
    }
}
