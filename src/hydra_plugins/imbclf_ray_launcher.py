"""`hydra/launcher=ray`: the jobs of a sweep as tasks of a Ray cluster.

Hydra looks for launchers in the namespace `hydra_plugins` alone. Its own Ray launcher requires a
cloudpickle version that MLflow excludes; this one uses only Ray's public interface.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from imbclf.errors import UserError
from imbclf.utils.install_line import install_line


class RayLauncher(Launcher):
    """Run each job as a Ray task, in the working directory of the sweep.

    Args:
        address: of a running cluster whose nodes share the folder, `auto` for the one of this
            machine; None starts a cluster of this machine's cores for the sweep alone.
        num_cpus: per job; it uses as many threads.
        num_gpus: per job; may be a fraction.
    """

    def __init__(self, address: str | None, num_cpus: float, num_gpus: float) -> None:
        self.address, self.num_cpus, self.num_gpus = address, num_cpus, num_gpus

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Store what every job needs."""
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs and wait for all of them.

        Raises:
            UserError: Ray is not installed, or there is no cluster at the address.
        """
        try:
            import ray
        except ImportError as error:
            raise UserError(f"hydra/launcher=ray needs Ray: {install_line('ray')}") from error
        setup_globals()
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        try:
            ray.init(address=self.address, include_dashboard=None if self.address else False)
        except ConnectionError as error:
            raise UserError(
                f"hydra.launcher.address={self.address}: no Ray cluster answers ({error}). Start "
                "one (ray start --head), or leave the address out"
            ) from error
        try:
            task = ray.remote(num_cpus=self.num_cpus, num_gpus=self.num_gpus)(_run)
            state, place = Singleton.get_state(), (str(Path.cwd()), list(sys.path))
            common = self.hydra_context, self.config, self.task_function, state, place
            return list(
                ray.get(
                    [
                        task.remote(initial_job_idx + index, list(overrides), *common)
                        for index, overrides in enumerate(job_overrides)
                    ]
                )
            )
        finally:
            ray.shutdown()


def _run(
    number: int,
    overrides: list[str],
    hydra_context: HydraContext,
    config: DictConfig,
    task_function: TaskFunction,
    singletons: dict[Any, Any],
    place: tuple[str, list[str]],
) -> JobReturn:
    """Run one job in a Ray worker."""
    folder, paths = place
    os.chdir(folder)
    sys.path.extend(path for path in paths if path not in sys.path)
    setup_globals()
    Singleton.set_state(singletons)
    job = hydra_context.config_loader.load_sweep_config(config, overrides)
    with open_dict(job):
        job.hydra.job.id, job.hydra.job.num = f"{job.hydra.job.name}_{number}", number
    HydraConfig.instance().set_config(job)
    return run_job(
        hydra_context=hydra_context,
        task_function=task_function,
        config=job,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
