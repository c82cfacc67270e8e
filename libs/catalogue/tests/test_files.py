import os
from pathlib import Path

import pytest

from catalogue.document import MAX_FILE_BYTES
from catalogue.files import configuration_file, read_configuration
from catalogue.problems import ConfigurationError


def test_a_folder_stands_for_its_conclave_yaml_and_a_file_for_itself(tmp_path: Path) -> None:
    assert configuration_file(tmp_path) == tmp_path / "conclave.yaml"
    assert configuration_file(tmp_path / "own.yaml") == tmp_path / "own.yaml"


def test_a_file_is_read_whole_up_to_one_byte_too_many(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_bytes(b"a" * (2 * MAX_FILE_BYTES))

    assert len(read_configuration(file)) == MAX_FILE_BYTES + 1


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)

    with pytest.raises(ConfigurationError, match="is not a regular file"):
        read_configuration(pipe)
