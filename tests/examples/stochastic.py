"""Loopless SVRG on similar components. Proof: E|x+ - x*|^2 <= (1 - 2 gamma mu + gamma^2 L^2)|x - x*|^2 + gamma^2 delta^2 |x - w|^2, and
|x - w|^2 <= 2|x - x*|^2 + 2|w - x*|^2, and E|w+ - x*|^2 = p|x - x*|^2 + (1 - p)|w - x*|^2."""
from collections import namedtuple
from dataclasses import dataclass

import convlab as cl
from convlab.symbols import M0, L, gamma, k, mu, p

delta = cl.symbol("delta", meaning="similarity of the components", domain=">= 0", unit="f/x^2")
State = namedtuple("State", "x w")            # the iterate and the reference point, each (replicates, dimension)

@dataclass(frozen=True)
class Similar:
    delta: cl.Constant
    statement = "mean_i |(f_i - f)'(x) - (f_i - f)'(y)|^2 <= delta^2 |x - y|^2"
    def constants(self): return {delta: self.delta}
    @classmethod
    def derive(cls, problem):                 # so that it can be read off problems that never heard of it
        return (known := cl.fact(problem, cl.SmoothSamples)) and cls(cl.upper(known.L_max.value, how="a variance is at most L_max^2 |x - y|^2"))
    def audit(self, problem, rng):
        x, y = cl.sample_points(problem, rng), cl.sample_points(problem, rng)
        ratio = (problem.sample_gradients(x) - problem.sample_gradients(y)).var(axis=1).sum(axis=-1) / ((x - y) ** 2).sum(axis=-1)
        yield cl.judged("delta", self.delta, ratio.max() ** 0.5, above=True, where=x[ratio.argmax()])

@dataclass(frozen=True)
class LooplessSVRG:
    step_size: cl.Number
    p: cl.Number
    def init(self, x0, oracle): return State(x0, x0)
    def draws(self, oracle): return cl.Draws(index=cl.Uniform(oracle.n), coin=cl.Bernoulli(self.p))
    def step(self, state, oracle, draw):
        estimate = oracle.sample_gradient(state.x, draw.index) - oracle.sample_gradient(state.w, draw.index) + oracle.gradient(state.w)
        return State(state.x - self.step_size * estimate, state.w + draw.coin[:, None] * (state.x - state.w))

@cl.metric("norm(x_k - x^*)^2 + 4 gamma^2 delta^2 / p norm(w_k - x^*)^2", unit="x^2")
def lyapunov(state, case):
    return cl.squared_distance(state, case) + 4 * case[gamma] ** 2 * case[delta] ** 2 / case[p] * cl.squared_distance((state.w,), case)

theorem = cl.Theorem(id="my-lsvrg", title="Loopless SVRG on similar components", algorithm=LooplessSVRG(gamma, p), law=cl.Law.EXPECTATION,
    assumptions=(Similar, cl.StronglyConvex, cl.Smooth, cl.Minimum), defaults={gamma: mu / (2 * L**2 + 6 * delta**2), p: 2 * gamma * mu},
    condition=(0 < gamma) & (gamma <= mu / (L**2 + 6 * delta**2)) & (2 * gamma * mu <= p) & (p <= 1), metric=lyapunov, bound=(1 - gamma * mu) ** k * M0)
