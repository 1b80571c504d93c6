# Spack recipe:   spack repo add docs/cluster/spack && spack install spinet
import os

from spack.package import *


class Spinet(CMakePackage):
    """Neural samplers, Markov chains and exact solutions of lattice models, from one input deck to observables with
    errors."""

    # the checkout that this recipe lies in; a site with a mirror writes its address here
    git = "file://" + os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 5))

    license("GPL-3.0-or-later")
    version("main", branch="main", get_full_repo=True)

    variant("man", default=True, description="man pages by help2man")

    depends_on("c", type="build")
    depends_on("cmake@3.20:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("help2man", type="build", when="+man")
    depends_on("mpi")
    depends_on("hdf5@1.10:+mpi")
    depends_on("gsl@2.7:")
    depends_on("fftw@3.3:precision=double,float")
    depends_on("openblas threads=openmp")  # not serial, not pthreads: a serial one gives wrong results under threads
    depends_on("netlib-lapack+lapacke", when="^openblas~fortran")
    depends_on("random123")
    depends_on("libyaml")
    depends_on("suite-sparse")
    depends_on("flac")
    depends_on("zlib")
    depends_on("gnuplot", type="run")

    def cmake_args(self):
        target = self.spec.target
        return [
            self.define("SPINET_ARCH", target.optimization_flags("gcc", "12").split("-march=")[-1].split()[0]),
            self.define("SPINET_TESTS", False),
        ]
