//! `reprise up --no-node` in a folder of its own.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::client::Client;
use super::kubeconfig::Kubeconfig;
use crate::bench::procfs::{cpu_time, pss_bytes};

/// Until it answers, and until it ends.
const LIMIT: Duration = Duration::from_secs(20);

/// A running API.
pub struct Server {
    child: Child,
    folder: TempDir,
    /// For as many connections as are wanted.
    pub client: Client,
    /// From its start until it answered.
    pub ready_after: Duration,
}

impl Server {
    /// Starts one, and waits until it answers.
    pub async fn start(program: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("reprise-bench-").tempdir().context("make a folder")?;
        let address = free_address()?;
        let log = fs::File::create(folder.path().join("log")).context("make the log")?;
        let start = Instant::now();
        let child = Command::new(program)
            .args(["up", "--no-node", "--listen", &address, "--data-dir"])
            .arg(data(&folder))
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("the log")?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        let mut starting = Starting { child: Some(child), folder: Some(folder) };
        let client = starting.answers(program, start + LIMIT).await?;
        let ready_after = start.elapsed();
        let (Some(child), Some(folder)) = (starting.child.take(), starting.folder.take()) else {
            bail!("it is not there any more")
        };
        Ok(Self { child, folder, client, ready_after })
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> Result<PathBuf> {
        let path = data(&self.folder).join("kubeconfig");
        ensure!(path.exists(), "{} is not there", path.display());
        Ok(path)
    }

    /// Its memory, in MB (PSS).
    pub fn memory_mb(&self) -> f64 {
        pss_bytes(self.pid()) as f64 / 1e6
    }

    /// The most memory that it had at once so far, in MB.
    pub fn peak_memory_mb(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or_default() * 1024.0 / 1e6
    }

    /// Its time on a CPU so far.
    pub fn cpu_time(&self) -> Duration {
        cpu_time(self.pid())
    }

    /// The length of the database file, in MB.
    pub fn database_mb(&self) -> f64 {
        let mut folders = vec![data(&self.folder)];
        let mut bytes = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    Ok(_) if entry.path().extension().is_some_and(|extension| extension == "redb") => {
                        bytes += entry.metadata().map(|file| file.len()).unwrap_or_default();
                    }
                    _ => {}
                }
            }
        }
        bytes as f64 / 1e6
    }

    /// Ends it.
    pub fn stop(mut self) -> Result<()> {
        if let Some(pid) = Pid::from_raw(self.pid()) {
            kill_process(pid, Signal::INT).context("end the API")?;
        }
        let end = Instant::now() + LIMIT;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().context("wait for the API")? {
                ensure!(status.success(), "the API ended with {status}\n{}", log(&self.folder));
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the API does not end\n{}", log(&self.folder))
    }

    fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, unless something went wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One that does not answer yet.
struct Starting {
    child: Option<Child>,
    folder: Option<TempDir>,
}

impl Starting {
    async fn answers(&mut self, program: &Path, end: Instant) -> Result<Client> {
        loop {
            let (Some(child), Some(folder)) = (&mut self.child, &self.folder) else { bail!("it was not started") };
            let problem = match try_once(program, folder).await {
                Ok(client) => return Ok(client),
                Err(problem) => problem,
            };
            if let Some(status) = child.try_wait().context("wait for the API")? {
                bail!("the API ended with {status}\n{}", log(folder));
            }
            if Instant::now() > end {
                return Err(problem.context(format!("the API does not answer\n{}", log(folder))));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

async fn try_once(program: &Path, folder: &TempDir) -> Result<Client> {
    let told = Command::new(program).arg("kubeconfig").arg("--data-dir").arg(data(folder)).output()?;
    ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let client = Client::new(&Kubeconfig::parse(&String::from_utf8_lossy(&told.stdout))?)?;
    client.connect().await?.call("GET", "/readyz", &Bytes::new()).await?;
    Ok(client)
}

fn data(folder: &TempDir) -> PathBuf {
    folder.path().join("data")
}

fn log(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join("log")).unwrap_or_default()
}

/// An address on loopback whose port nobody has at this moment.
fn free_address() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.to_string())
}
