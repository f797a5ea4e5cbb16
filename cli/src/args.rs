//! The command line's shape: commands and flags, not what they do.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tessera_shared::ids::{JobId, NodeKey, WorkerId};
use tessera_shared::limits::parse_pool;

pub use crate::bench::BenchArguments;
pub use crate::farm::TrustArguments;
pub use crate::farm::WebhookArguments;
pub use crate::farm::fetch::FrameChoice;
pub use crate::farm::web::WebArguments;
use crate::log::LogFormat;
use crate::recheck::RecheckArguments;
pub use crate::shot::ShotArguments;
use crate::verify::VerifyArguments;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the answer is no: images differ, a receipt is not true, a job failed or was cancelled
  2  the command line is wrong
  3  the shot cannot be read or compiled
  4  the farm cannot be reached or refuses
  5  no device can render it
  6  a file cannot be read or written

Environment:
  TESSERA_FARM        the artist link that --to takes
  TESSERA_LOG         what is logged to standard error, such as info or tessera_worker=debug
  TESSERA_LOG_FORMAT  text or json, as --log-format
  TESSERA_HOME        folder of this user's key and config.toml, instead of the user's configuration folder";

/// Renders glTF scenes, alone or on a farm, to the same bits.
#[derive(Debug, Parser)]
#[command(name = "tessera", version, after_help = EXIT_CODES, max_term_width = 110)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    /// How standard error is written
    #[arg(
        long,
        value_name = "FORMAT",
        global = true,
        value_enum,
        default_value_t,
        env = "TESSERA_LOG_FORMAT"
    )]
    pub log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Renders a shot on this machine
    Render(Box<RenderArguments>),
    /// Runs a farm's scheduler; prints the links that artists and workers use
    Scheduler(Box<SchedulerArguments>),
    /// Lends this machine to a farm
    Worker(WorkerArguments),
    /// Submits a shot to a farm; prints the job's id
    Submit(Box<SubmitArguments>),
    /// Shows the farm or a job: full-screen on a terminal, else as plain lines
    Watch(WatchArguments),
    /// Writes a job's finished frames, or every frame as it finishes
    Fetch(FetchArguments),
    /// Lists the farm's jobs, newest first
    Jobs(ListArguments),
    /// Lists the farm's workers
    Workers(ListArguments),
    /// Cancels a job of your own
    Cancel(JobArguments),
    /// Says what holds a job of your own back
    Why(WhyArguments),
    /// Shows what failed of a job of your own
    Log(WhyArguments),
    /// Lends nothing more of a job of your own; what is in hand is finished
    Pause(JobArguments),
    /// Lets a paused job go on
    Resume(JobArguments),
    /// Renders frames of a job of your own anew
    Requeue(RequeueArguments),
    /// Changes the priority of a job of your own
    Priority(PriorityArguments),
    /// Prints a link to the farm's page that may do what you may
    Web(WebArguments),
    /// Gives a worker nothing more; needs the wrangler link
    Drain(DrainArguments),
    /// Lets a drained worker work again; needs the wrangler link
    Undrain(DrainArguments),
    /// Bans an operator: its workers get nothing more and may not join; needs the wrangler link
    Ban(BanArguments),
    /// Lets an operator that is out join again, on probation; needs the wrangler link
    Readmit(ReadmitArguments),
    /// Says how two images differ
    Diff(DiffArguments),
    /// Rechecks images against their receipt: its signature, their pixels, and random blocks rendered again here
    Verify(Box<VerifyArguments>),
    /// Renders what a verdict of the farm's referee is about again, and prints its digest
    Recheck(RecheckArguments),
    /// Validates this machine as a worker and scores it
    Bench(BenchArguments),
    /// Tells what happened on a farm, from its scheduler's data
    Journal(JournalArguments),
    /// Lists the devices that can render here
    Devices,
    /// Prints a shell's completions of this command line
    Completions(CompletionsArguments),
    /// Prints the manual page, or writes the page of every command to a folder
    Man(ManArguments),
}

impl Command {
    /// It draws the whole terminal.
    pub fn is_full_screen(&self) -> bool {
        matches!(self, Command::Watch(arguments) if arguments.is_full_screen())
    }
}

/// Which device renders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BackendChoice {
    /// The GPUs, or the CPU where there is none; never a software GPU
    #[default]
    Auto,
    /// A Vulkan device
    Gpu,
    /// The CPU backend
    Cpu,
}

#[derive(Clone, Debug, Args)]
pub struct DeviceArguments {
    /// What renders
    #[arg(long, value_enum, default_value_t)]
    pub backend: BackendChoice,
    /// Only GPUs whose name contains this; may name a software one. `tessera devices` lists them
    #[arg(long, value_name = "NAME")]
    pub gpu: Option<String>,
    /// Threads of the CPU backend, at most 1024 [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

#[derive(Debug, Args)]
pub struct RenderArguments {
    /// A job file (.toml, .json) or a scene (.glb, .gltf, .obj, .ply)
    pub shot: PathBuf,
    #[command(flatten)]
    pub keys: ShotArguments,
    /// File to write, .exr or .png; may be given twice [default: the shot's outputs, beside you]
    #[arg(short, long, value_name = "PATH")]
    pub output: Vec<PathBuf>,
    #[command(flatten)]
    pub device: DeviceArguments,
    /// Workers to split the CPU's threads into; the image does not depend on it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: u16,
    #[command(flatten)]
    pub receipt: ReceiptArguments,
    /// Prints JSON lines for machines
    #[arg(long)]
    pub json: bool,
}

/// What is written so that `tessera verify` can recheck the images.
#[derive(Debug, Args)]
pub struct ReceiptArguments {
    /// Writes a receipt, signed by this user's key, and the digests of its blocks beside it
    #[arg(long, value_name = "JSON")]
    pub receipt: Option<PathBuf>,
    /// Writes the package, for `tessera verify` to render from
    #[arg(long, value_name = "PATH")]
    pub package: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SchedulerArguments {
    /// Folder of the farm's key, tokens, blobs and films; created if need be
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// UDP address to listen on [default: every interface, port 7878]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// TCP address to serve the page and the HTTP interface on; unencrypted, so keep it to this machine or a trusted network
    #[arg(long, value_name = "ADDR")]
    pub http: Option<SocketAddr>,
    /// Host that the printed links name, as others reach this machine
    #[arg(long, value_name = "HOST")]
    pub advertise: Option<String>,
    /// A list of operators' keys that jobs may name as their pool; may be given more than once
    #[arg(long, value_name = "NAME=KEY,KEY", value_parser = parse_pool)]
    pub pool: Vec<(String, BTreeSet<NodeKey>)>,
    #[command(flatten)]
    pub webhooks: WebhookArguments,
    /// Threads of the referee, at most 1024 [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub limits: crate::limits::LimitArguments,
    #[command(flatten)]
    pub trust: TrustArguments,
}

#[derive(Debug, Args)]
pub struct WorkerArguments {
    /// The farm's worker link
    #[arg(long, value_name = "LINK")]
    pub join: String,
    /// Folder of this worker's key and cache [default: in the user's data folder]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Name for people [default: the machine's]
    #[arg(long)]
    pub name: Option<String>,
    /// What this machine is, for jobs that ask for it; may be given more than once
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Takes leases at these hours of the day alone, in local time, such as 22-8 or 18:30-7; it sleeps at others [default: always]
    #[arg(long, value_name = "FROM-UNTIL")]
    pub hours: Option<tessera_worker::Hours>,
    #[command(flatten)]
    pub device: DeviceArguments,
    /// GiB of blobs kept on disk
    #[arg(long, value_name = "GIB", default_value_t = 32)]
    pub cache_gib: u64,
    /// Lends devices that are not exact too, for jobs of mode fast alone
    #[arg(long)]
    pub allow_fast: bool,
    /// Minutes between two examinations of the devices while they serve, on average; 0 is never
    #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub examine_minutes: u32,
}

#[derive(Clone, Debug, Args)]
pub struct FarmArguments {
    /// The farm's artist or wrangler link [default: TESSERA_FARM, or `farm` in config.toml]
    #[arg(long, value_name = "LINK")]
    pub to: Option<String>,
}

#[derive(Debug, Args)]
pub struct SubmitArguments {
    /// A job file (.toml, .json) or a scene (.glb, .gltf, .obj, .ply)
    pub shot: PathBuf,
    /// Writes the package, for `tessera verify` to render from
    #[arg(long, value_name = "PATH")]
    pub package: Option<PathBuf>,
    #[command(flatten)]
    pub keys: ShotArguments,
    #[command(flatten)]
    pub farm: FarmArguments,
    /// Waits until these jobs have completed, such as j3,j4
    #[arg(long, value_name = "JOB,JOB", value_delimiter = ',')]
    pub after: Vec<JobId>,
    /// Follows the job to its end; the exit code is 0 when it completed
    #[arg(long, conflicts_with = "dry_run")]
    pub wait: bool,
    /// With --wait: rings the terminal's bell when the job ends
    #[arg(long, requires = "wait")]
    pub bell: bool,
    /// Submits nothing: says what the job would cost, and what its checks would catch
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: share of the checks that trusted referees do [default: the farm's, or 5]
    #[arg(long, value_name = "PERCENT", requires = "dry_run", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub trusted: Option<u32>,
    /// With --dry-run: prints one JSON object
    #[arg(long, requires = "dry_run")]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct WatchArguments {
    /// The id that `tessera submit` printed [default: every job]
    pub job: Option<JobId>,
    #[command(flatten)]
    pub farm: FarmArguments,
    /// Shows progress alone and ends with the job; the exit code is 0 when it completed
    #[arg(long, requires = "job")]
    pub wait: bool,
    /// With --wait: rings the terminal's bell when the job ends
    #[arg(long, requires = "wait")]
    pub bell: bool,
    /// Prints JSON lines for machines
    #[arg(long)]
    pub json: bool,
}

impl WatchArguments {
    /// It draws the whole terminal: there is one, and nothing else was asked for.
    pub fn is_full_screen(&self) -> bool {
        !self.wait && !self.json && std::io::stdout().is_terminal() && std::io::stdin().is_terminal()
    }
}

#[derive(Debug, Args)]
pub struct FetchArguments {
    /// The id that `tessera submit` printed
    pub job: JobId,
    #[command(flatten)]
    pub farm: FarmArguments,
    /// Folder to write to; created if need be
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// What to write for each frame: exr, exr-half, png
    #[arg(long, value_delimiter = ',', default_value = "exr,png")]
    pub outputs: Vec<String>,
    /// Stops that PNGs and movies are brightened by
    #[arg(long, default_value_t = 0.0, allow_hyphen_values = true)]
    pub exposure: f64,
    /// Writes no receipt
    #[arg(long)]
    pub no_receipt: bool,
    /// Frames to write, such as 1-10 or 3,7, or `last` for the last one that is finished [default: all]
    #[arg(long, value_name = "FRAMES", value_parser = crate::farm::fetch::choice, conflicts_with = "follow")]
    pub frames: Option<FrameChoice>,
    /// Writes a contact sheet too: a PNG of the frames in small, with their numbers
    #[arg(long, value_name = "PNG")]
    pub sheet: Option<PathBuf>,
    /// Makes a movie too, with the ffmpeg that is installed; the name's ending tells the kind
    #[arg(long, value_name = "MP4")]
    pub movie: Option<PathBuf>,
    /// With --movie: frames a second
    #[arg(long, value_name = "N", default_value_t = 24, requires = "movie", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub fps: u32,
    /// Writes each frame as it finishes and ends with the job; the exit code is 0 when it completed
    #[arg(long)]
    pub follow: bool,
    /// With --follow: rings the terminal's bell when the job ends
    #[arg(long, requires = "follow")]
    pub bell: bool,
    /// Writes the job's package beside the receipt, so that `tessera verify` can render blocks again without the shot
    #[arg(long, conflicts_with = "no_receipt")]
    pub package: bool,
    /// Prints JSON lines for machines
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ListArguments {
    #[command(flatten)]
    pub farm: FarmArguments,
    /// Prints JSON lines for machines
    #[arg(long)]
    pub json: bool,
}

/// With the wrangler link as `--to`, any job will do.
#[derive(Debug, Args)]
pub struct JobArguments {
    /// The id that `tessera submit` printed
    pub job: JobId,
    #[command(flatten)]
    pub farm: FarmArguments,
}

#[derive(Debug, Args)]
pub struct WhyArguments {
    /// The id that `tessera submit` printed
    pub job: JobId,
    #[command(flatten)]
    pub farm: FarmArguments,
    /// Prints JSON lines for machines
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct JournalArguments {
    /// What the scheduler has as --data; it need not run
    pub data: PathBuf,
    /// Prints JSON lines for machines
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RequeueArguments {
    /// The id that `tessera submit` printed
    pub job: JobId,
    /// Frames of it, such as 1-10 or 3,7,10-20
    #[arg(long, value_name = "FRAMES")]
    pub frames: String,
    #[command(flatten)]
    pub farm: FarmArguments,
}

#[derive(Debug, Args)]
pub struct PriorityArguments {
    /// The id that `tessera submit` printed
    pub job: JobId,
    /// Higher goes first, from -1000 to 1000
    #[arg(allow_hyphen_values = true)]
    pub priority: i32,
    #[command(flatten)]
    pub farm: FarmArguments,
}

#[derive(Debug, Args)]
pub struct DrainArguments {
    /// The id that `tessera workers` lists
    pub worker: WorkerId,
    #[command(flatten)]
    pub farm: FarmArguments,
}

#[derive(Debug, Args)]
pub struct BanArguments {
    /// The key of the operator, or of one of its workers the id that `tessera workers` lists
    pub operator: crate::farm::operators::Whom,
    /// Why, in one line of at most 400 bytes; its workers are told it
    #[arg(long)]
    pub reason: String,
    #[command(flatten)]
    pub farm: FarmArguments,
}

#[derive(Debug, Args)]
pub struct ReadmitArguments {
    /// The key of the operator, or of one of its workers the id that `tessera workers` lists
    pub operator: crate::farm::operators::Whom,
    #[command(flatten)]
    pub farm: FarmArguments,
}

#[derive(Debug, Args)]
pub struct DiffArguments {
    pub a: PathBuf,
    /// The reference
    pub b: PathBuf,
    /// Compares only where this PNG is white
    #[arg(long, value_name = "PNG")]
    pub mask: Option<PathBuf>,
    /// Largest absolute difference that counts as equal
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    pub tolerance: f32,
    /// Tests A against B statistically; this EXR holds the variance of one sample
    #[arg(long, value_name = "EXR", requires = "spp", requires = "reference_spp", conflicts_with = "mask")]
    pub variance: Option<PathBuf>,
    /// Samples of A
    #[arg(long, value_name = "N", requires = "variance", value_parser = clap::value_parser!(u32).range(1..))]
    pub spp: Option<u32>,
    /// Samples of B
    #[arg(long, value_name = "N", requires = "variance", value_parser = clap::value_parser!(u32).range(1..))]
    pub reference_spp: Option<u32>,
    /// Says how much the difference is seen (FLIP: sRGB at exposure 0, 67 pixels per degree)
    #[arg(long)]
    pub flip: bool,
    /// Writes A, B and their difference side by side; with --flip, where it is seen
    #[arg(short, long, visible_alias = "picture", value_name = "PNG")]
    pub output: Option<PathBuf>,
    /// Prints one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// The shell that reads them
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct ManArguments {
    /// Folder to write tessera.1, tessera-render.1 and so on to; created if need be
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}
