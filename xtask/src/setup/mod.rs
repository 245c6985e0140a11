//! Installs what building and testing need, and nothing that is there already.

mod debian;
mod deny;
mod emulator;
mod linker;
mod rustup;

use anyhow::{Context as _, Result};

use crate::toolchain::{Compiler, Linker};

/// What a task needs besides the compilers.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each of them is needed or not, whatever the others are"
)]
pub(crate) struct Needs {
    /// Clients and network tools: demonstration and native tests.
    pub(crate) run: bool,
    /// Name servers and clients of the native tests about names.
    pub(crate) names: bool,
    /// Virtual machines.
    pub(crate) machines: bool,
    /// cargo-deny.
    pub(crate) lint: bool,
}

/// The tools of the kernel side, checked to fit each other.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) compiler: Compiler,
    pub(crate) linker: Linker,
}

/// Installs what is missing, one line a step.
pub(crate) fn run(needs: Needs) -> Result<Tools> {
    let found = Compiler::find();
    let debian = install_programs(needs, found.is_some())?;
    let compiler = found.map_or_else(|| compiler_after_installation(debian), Ok)?;
    println!("setup: compiler of the kernel side: {}", compiler.name());
    let linker = Linker::find(&compiler).map_or_else(|| install_linker(&compiler, debian), Ok)?;
    println!("setup: {}", linker::describe(&linker));
    if needs.lint {
        deny::install()?;
    }
    Ok(Tools { compiler, linker })
}

/// Installs only the programs that a task needs, once the compilers are there.
pub(crate) fn install(needs: Needs) -> Result<()> {
    install_programs(needs, true).map(drop)
}

/// Answers whether this is Debian.
fn install_programs(needs: Needs, have_compiler: bool) -> Result<bool> {
    let debian = debian::is_debian()?;
    if debian {
        debian::install(&debian::missing(needs, have_compiler)?)?;
        if needs.names {
            debian::install_for_names();
        }
    } else {
        rustup::check_programs(needs)?;
        if needs.names {
            rustup::tell_of_names();
        }
    }
    if needs.machines {
        emulator::install(debian)?;
    }
    Ok(debian)
}

fn compiler_after_installation(debian: bool) -> Result<Compiler> {
    if !debian {
        rustup::install_compiler()?;
    }
    Compiler::find().context(
        "no compiler for the kernel side: it takes rustc 1.87 or newer with the sources of core \
         (Debian: rustc-web cargo-web rust-web-src; elsewhere: rustup's nightly with rust-src)",
    )
}

fn install_linker(compiler: &Compiler, debian: bool) -> Result<Linker> {
    if debian {
        debian::install(&debian::missing_for_linker(compiler.llvm)?)?;
    }
    linker::install(compiler)
}
