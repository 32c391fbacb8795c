"""The one table of symbols: what each letter means, where it lives and in which unit.

Units: x is the length of the variable, f the value; a step size is x^2/f. Tunables are declared real, since sympy silently drops `0 < gamma`
for a positive symbol; constants are positive, their zero case is a substitution; counters are integers.
"""
from __future__ import annotations

from enum import Enum
from typing import Any

import sympy as sp


class Role(Enum):
    """How a symbol is declared to sympy, and who chooses its value."""

    COUNTER = "counter"      # integer: k, K, n
    CONSTANT = "constant"    # positive: of the problem
    TUNABLE = "tunable"      # real: of the algorithm
    SIZE = "size"            # integer tunable that shapes arrays or loops: inner steps, kept coordinates

    @property
    def assumptions(self) -> dict[str, bool]:
        """What sympy is told about the symbol."""
        return {Role.COUNTER: {"integer": True, "nonnegative": True}, Role.CONSTANT: {"positive": True},
                Role.TUNABLE: {"real": True}, Role.SIZE: {"integer": True, "positive": True}}[self]


class Symbol(sp.Symbol):  # type: ignore[misc]    # sympy is untyped
    """A sympy symbol that knows its meaning, domain, unit, role and how it is typeset (`typeset`: Typst mathematics)."""

    meaning: str
    domain: str
    unit: str
    role: Role
    typeset: str

    def __new__(cls, name: str, meaning: str, domain: str, unit: str, role: Role, typeset: str) -> Symbol:
        """A new symbol; two of the same name and role are equal, whatever their texts say."""
        made: Symbol = sp.Symbol.__xnew__(cls, name, **role.assumptions)
        made.meaning, made.domain, made.unit, made.role, made.typeset = meaning, domain, unit, role, typeset
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (self.name, self.meaning, self.domain, self.unit, self.role, self.typeset), {}

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), self.__getnewargs_ex__()[0]


def symbol(name: str, *, meaning: str, domain: str = "real", unit: str = "1", role: Role | None = None, typeset: str = "") -> Symbol:
    """A symbol of one's own. Without `role`: positive domains ("> 0") of a constant are not assumed, the symbol is a real tunable.

    Raises ValueError for a name that is no identifier, since conditions and the command line (`--param name=1/4`) speak of it.
    """
    if not name.isidentifier():
        raise ValueError(f"symbol {name!r}: the name must be an identifier such as delta or step_0; put how it is printed into typeset=.")
    return Symbol(name, meaning, domain, unit, role or Role.TUNABLE, typeset or _typeset(name))


def _typeset(name: str) -> str:
    head, _, tail = name.partition("_")
    head = head if len(head) == 1 or head.lower() in _GREEK else f'"{head}"'
    return f'{head}_("{tail}")' if len(tail) > 1 else f"{head}_{tail}" if tail else head


_GREEK = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "rho", "sigma", "tau", "omega"}


def _counter(name: str, meaning: str, domain: str = "int >= 1", typeset: str = "", unit: str = "1") -> Symbol:
    return symbol(name, meaning=meaning, domain=domain, unit=unit, role=Role.COUNTER, typeset=typeset)


def _size(name: str, meaning: str, domain: str = "int >= 1", typeset: str = "", unit: str = "1") -> Symbol:
    return symbol(name, meaning=meaning, domain=domain, unit=unit, role=Role.SIZE, typeset=typeset)


def _constant(name: str, meaning: str, domain: str, unit: str, typeset: str = "") -> Symbol:
    return symbol(name, meaning=meaning, domain=domain, unit=unit, role=Role.CONSTANT, typeset=typeset)


def _tunable(name: str, meaning: str, domain: str, unit: str, typeset: str = "") -> Symbol:
    return symbol(name, meaning=meaning, domain=domain, unit=unit, role=Role.TUNABLE, typeset=typeset)


# counters: the progress of a run, and sizes that come with the problem
k = _counter("k", "updates made", "int >= 0")
K = _counter("K", "horizon, or number of averaged points")
n = _counter("n", "components, samples, tasks, inputs of an aggregator")
workers = _counter("workers", "workers, clients", typeset="N")
d = _counter("d", "dimension")
rounds = _counter("rounds", "graphs that take turns in time-varying gossip", typeset="m_r")

# sizes chosen by the user of an algorithm
batch = _size("batch", "mini-batch, sampled clients", typeset="B")
inner_steps = _size("inner_steps", "inner steps, epoch length, memory", typeset="m")
n_kept = _size("n_kept", "coordinates that a compressor keeps", typeset="k_c")
byzantine = _size("byzantine", "Byzantine inputs", "int >= 0, 2 f < n", typeset="f")
patience = _size("patience", "good steps before a loss scale is doubled", typeset="n_s")

# tunables
gamma = _tunable("gamma", "step size", "> 0", "x^2/f")
inner_step = _tunable("inner_step", "inner or lower-level step", "> 0", "x^2/f", "eta")
beta = _tunable("beta", "momentum", "[0, 1)", "1")
beta1 = _tunable("beta1", "first-moment decay", "[0, 1)", "1", "beta_1")
beta2 = _tunable("beta2", "second-moment decay", "[0, 1)", "1", "beta_2")
p = _tunable("p", "probability of a coin, a switch, a delay, a synchronisation", "(0, 1]", "1")
clip = _tunable("clip", "clipping radius", "> 0", "f/x", "c")
nu = _tunable("nu", "smoothing radius", ">= 0", "x")
a = _tunable("a", "gamma times the coupling of a game", "real", "1")
q = _tunable("q", "gamma times mu, in games", "real", "1")
first_step = _tunable("first_step", "step that is tried or taken first", "> 0", "x^2/f", "t_0")
sufficient_decrease = _tunable("sufficient_decrease", "share of the linear decrease that a step must achieve", "(0, 1)", "1", "c")
backtracking = _tunable("backtracking", "factor between two trials of a step", "(0, 1)", "1", "b")
step_even = _tunable("step_even", "step of the even updates, times L", "> 0", "1", "h_0")
step_odd = _tunable("step_odd", "step of the odd updates, times L", "> 0", "1", "h_1")
tau = _size("tau", "delay; largest delay", "int >= 0")

# constants of problems
L = _constant("L", "smoothness of f, or Lipschitz constant of an operator", "> 0", "f/x^2")
L_max = _constant("L_max", "largest smoothness of a component", "> 0", "f/x^2")
L_mean = _constant("L_mean", "mean smoothness of the components", "> 0", "f/x^2")
L_rms = _constant("L_rms", "root mean square smoothness of the components", "> 0", "f/x^2")
L0 = _constant("L0", "norm(H) <= L0 + L1 norm(g)", ">= 0", "f/x^2", "L_0")
L1 = _constant("L1", "norm(H) <= L0 + L1 norm(g)", ">= 0", "1/x", "L_1")
mu = _constant("mu", "strong convexity, monotonicity or PL constant", ">= 0", "f/x^2")
kappa = _constant("kappa", "condition number L/mu", ">= 1", "1")
M = _constant("M", "Lipschitz constant of the Hessian", ">= 0", "f/x^3")
G = _constant("G", "Lipschitz constant of f, or bound on E norm(g)^2 <= G^2", "> 0", "f/x")
R = _constant("R", "initial distance to the minimiser", ">= 0", "x")
Delta = _constant("Delta", "initial gap f(x_0) - f*", ">= 0", "f", "Delta")
M0 = _constant("M0", "the metric of the claim at k = 0", ">= 0", "the metric's", "cal(M)_0")
diameter = _constant("diameter", "diameter of the set, radius of the level set", "> 0", "x", "D")
sigma = _constant("sigma", "noise standard deviation of one gradient", ">= 0", "f/x")
sigma_opt = _constant("sigma_opt", "root mean square component gradient at the minimiser", ">= 0", "f/x", "sigma_*")
zeta = _constant("zeta", "heterogeneity at the current point", ">= 0", "f/x")
omega = _constant("omega", "variance factor of an unbiased compressor", ">= 0", "1")
alpha = _constant("alpha", "contraction factor of a biased compressor", "(0, 1]", "1")
theta = _constant("theta", "EF21's 1 - sqrt(1 - alpha)", "(0, 1]", "1")
kappa_rob = _constant("kappa_rob", "robustness constant of an aggregator", ">= 0", "1", "kappa")
rho = _constant("rho", "contraction factor max(|1 - gamma mu|, |1 - gamma L|)", "[0, inf)", "1")
growth = _constant("growth", "E norm(g)^2 <= growth norm(grad)^2", ">= 1", "1", "rho_g")
gap_growth = _constant("gap_growth", "A of E norm(g)^2 <= 2 A (f - f*) + B norm(grad)^2 + C", ">= 0", "f/x^2", "A")
gradient_growth = _constant("gradient_growth", "B of E norm(g)^2 <= 2 A (f - f*) + B norm(grad)^2 + C", "> 0", "1", "B")
noise_floor = _constant("noise_floor", "C of E norm(g)^2 <= 2 A (f - f*) + B norm(grad)^2 + C", ">= 0", "f^2/x^2", "C")
mu_mean = _constant("mu_mean", "mean strong convexity of the components", "> 0", "f/x^2", "macron(mu)")
minima_gap = _constant("minima_gap", "f* less the mean of the components' own least values", ">= 0", "f", "s")
importance_noise = _constant("importance_noise", "mean of L_mean/L_i times the squared component gradient at the minimiser", ">= 0", "f^2/x^2", "s_L")
mixing = _constant("mixing", "spectral norm of W - J", "[0, 1]", "1", "rho")
lambda_2 = _constant("lambda_2", "second eigenvalue of the mixing matrix", "(-1, 1)", "1")
lambda_N = _constant("lambda_N", "least eigenvalue of the mixing matrix", "(-1, 1)", "1")
coupling = _constant("coupling", "singular value of a bilinear game", ">= 0", "f/x^2", "s")
lam = _constant("lam", "an eigenvalue (curvature) of a quadratic", "> 0", "f/x^2", "lambda")
grid = _constant("grid", "spacing of a fixed-point grid", "> 0", "x", "delta")
unit_roundoff = _constant("unit_roundoff", "2^-p of a float format", "(0, 1/2)", "1", "u")
relative_error = _constant("relative_error", "relative gradient error", "[0, 1)", "1", "epsilon")
gradient_error = _constant("gradient_error", "absolute gradient error", ">= 0", "f/x", "e")
tail_index = _constant("tail_index", "tail index", "(1, 2]", "1", "alpha_t")
moment = _constant("moment", "order of a moment", "(1, 2]", "1", "p_m")
overflow = _constant("overflow", "magnitude at which a scaled gradient overflows", "> 0", "f/x", "V")
scale0 = _constant("scale0", "loss scale at the start", "> 0", "1", "s_0")


def table() -> dict[str, Symbol]:
    """Every symbol of the house by its Python name."""
    return {name: value for name, value in globals().items() if isinstance(value, Symbol)}
