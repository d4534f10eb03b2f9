//! Builds again when a playbook is added: the macro that embeds them only tracks those it saw.

fn main() {
    #[expect(clippy::print_stdout, reason = "this is how a build script talks to cargo")]
    {
        println!("cargo::rerun-if-changed=../playbooks");
    }
}
