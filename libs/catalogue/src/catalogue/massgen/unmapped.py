"""Keys of MassGen's files that mean nothing here, and why."""

_TOOLS = (
    "mcp_servers",
    "direct_mcp_servers",
    "custom_tools",
    "command_line_",
    "enable_mcp_command_line",
    "enable_code_",
    "enable_web_search",
    "enable_x_search",
    "enable_image_generation",
    "enable_audio_generation",
    "enable_video_generation",
    "enable_file_generation",
    "enable_multimodal_tools",
    "enable_programmatic_flow",
    "enable_tool_search",
    "enable_strict_tool_use",
    "enable_subagents",
    "auto_discover_custom_tools",
    "shared_tools_directory",
    "code_execution_config",
    "concurrent_tool_execution",
    "exclude_tools",
    "exclude_custom_tools",
    "exclude_file_operation_mcps",
    "allowed_tools",
    "disallowed_tools",
    "permission",
    "hooks",
    "upload_files",
    "context_paths",
    "skills_directory",
    "use_skills",
    "subagent",
    "cwd",
    "snapshot_storage",
    "agent_temporary_workspace",
)
_SECRETS = ("api_key", "token", "credentials", "secret")
_SCREEN = ("ui", "display", "logging", "logging_enabled")


def why_unmapped(key: str) -> tuple[str, str]:
    """Message and remedy."""
    if key.endswith(_SECRETS):
        return "is not read: keys belong to providers", "set `api_key` of the provider"
    if key.startswith(_TOOLS):
        return (
            "is not run: Conclave starts and opens nothing that a file names",
            "let the client bring its own tools",
        )
    if key in _SCREEN:
        return "concerns MassGen's own screen and logs", "nothing to do"
    if key.startswith("debug_"):
        return "is for debugging MassGen itself", "nothing to do"
    return "has no counterpart and is ignored", "nothing to do, or configure a panel instead"
