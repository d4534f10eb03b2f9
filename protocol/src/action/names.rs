//! The word of each action, and the roles that may do it.

use super::Action;
use crate::id::Role;

impl Action {
    /// The action's word, as in its JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Action::CreateVenv { .. } => "create_venv",
            Action::InstallDependency { .. } => "install_dependency",
            Action::UpdateRequirements { .. } => "update_requirements",
            Action::CheckFileExists { .. } => "check_file_exists",
            Action::RunCommand { .. } => "run_command",
            Action::NpmInstall { .. } => "npm_install",
            Action::NpmRun { .. } => "npm_run",
            Action::UpdatePackageJson { .. } => "update_package_json",
            Action::CheckEntryPoint { .. } => "check_entry_point",
            Action::BuildFrontend { .. } => "build_frontend",
            Action::CreateDockerfile { .. } => "create_dockerfile",
            Action::BuildImage { .. } => "build_image",
            Action::RunContainer { .. } => "run_container",
            Action::SetupEnv { .. } => "setup_env",
            Action::Deploy { .. } => "deploy",
            Action::RunTests { .. } => "run_tests",
            Action::ValidateOutput { .. } => "validate_output",
            Action::CheckSyntax { .. } => "check_syntax",
            Action::DebugError { .. } => "debug_error",
            Action::SetUp { .. } => "set_up",
            Action::TestPart { .. } => "test_part",
            Action::PackageParts => "package_parts",
            Action::BuildParts => "build_parts",
            Action::BuildAhead => "build_ahead",
            Action::ReadFile { .. } => "read_file",
            Action::WriteFile { .. } => "write_file",
            Action::ApplyPatch { .. } => "apply_patch",
            Action::Search { .. } => "search",
            Action::ResolveConflict { .. } => "resolve_conflict",
        }
    }

    /// Whether an agent of `role` may do this. The testing role verifies everybody's work, so it
    /// may also repeat the checks of the other roles.
    #[must_use]
    pub fn allowed_to(&self, role: Role) -> bool {
        match self {
            Action::CreateVenv { .. }
            | Action::InstallDependency { .. }
            | Action::UpdateRequirements { .. } => role == Role::Backend,
            Action::RunCommand { .. } | Action::CheckFileExists { .. } => {
                matches!(role, Role::Backend | Role::Testing)
            }
            Action::NpmInstall { .. } | Action::UpdatePackageJson { .. } => role == Role::Frontend,
            Action::NpmRun { .. } | Action::CheckEntryPoint { .. } | Action::BuildFrontend { .. } => {
                matches!(role, Role::Frontend | Role::Testing)
            }
            Action::SetUp { .. } => matches!(role, Role::Backend | Role::Frontend),
            Action::CreateDockerfile { .. }
            | Action::SetupEnv { .. }
            | Action::Deploy { .. }
            | Action::PackageParts
            | Action::BuildAhead => role == Role::Devops,
            Action::BuildImage { .. } | Action::RunContainer { .. } | Action::BuildParts => {
                matches!(role, Role::Devops | Role::Testing)
            }
            // Validation belongs to every task, so every role may run and read tests and outputs.
            Action::RunTests { .. }
            | Action::ValidateOutput { .. }
            | Action::CheckSyntax { .. }
            | Action::DebugError { .. }
            | Action::TestPart { .. }
            | Action::ReadFile { .. }
            | Action::WriteFile { .. }
            | Action::ApplyPatch { .. }
            | Action::Search { .. }
            | Action::ResolveConflict { .. } => true,
        }
    }
}
