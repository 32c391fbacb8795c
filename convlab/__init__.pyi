"""What `import convlab as cl` offers. The one list: `__init__.py` reads it to load each name when it is first used."""
# ruff: noqa: I001 (ordered for readers)

# a theorem, its claims, and the words that they are made of
from convlab.theorem import (
    Theorem as Theorem, RateBound as RateBound, StepInequality as StepInequality, Identity as Identity,
    OperatorConstant as OperatorConstant, StabilityRegion as StabilityRegion, FalseClaim as FalseClaim, Law as Law,
    Relation as Relation, Sense as Sense, Source as Source, Mode as Mode, Grid as Grid, Series as Series,
    Trajectory as Trajectory, Instance as Instance, every_iterate as every_iterate, best_of as best_of,
    mean_of as mean_of, sum_of as sum_of, every_k as every_k, from_k as from_k, horizons as horizons, multiples_of as multiples_of,
    Mutant as Mutant, Bound as Bound, Changed as Changed, Step as Step, IterationMatrix as IterationMatrix,
    Multipliers as Multipliers, OneStep as OneStep, OptimalOnQuadratics as OptimalOnQuadratics, Recursion as Recursion,
    Reduces as Reduces, SecondMoment as SecondMoment, StationaryVariance as StationaryVariance, previous as previous,
    StableOnQuadratics as StableOnQuadratics, SymbolicIdentity as SymbolicIdentity, When as When, Certificate as Certificate,
    Telescope as Telescope,
)
from convlab.inequalities import (
    Point as Point, star as star, x0 as x0, x1 as x1, x2 as x2, interpolation as interpolation, convexity as convexity,
    strong_convexity as strong_convexity, descent as descent, cocoercivity as cocoercivity, domination as domination,
    minimality as minimality, descent_to_minimum as descent_to_minimum, variance as variance, bounded_slope as bounded_slope,
    feasibility as feasibility, line_search as line_search, monotonicity as monotonicity, lipschitz as lipschitz,
)
from convlab.operations import (
    absolute as absolute, clip as clip, inner as inner, maximum as maximum, minimum as minimum, norm as norm,
    norm_squared as norm_squared, rowwise as rowwise, sqrt as sqrt, where as where,
)
from convlab.symbols import Role as Role, symbol as symbol
from convlab.metrics import (
    Case as Case, Metric as Metric, metric as metric, distance_to_minimiser as distance_to_minimiser,
    function_gap as function_gap, gradient_norm as gradient_norm, squared_distance as squared_distance,
    squared_gradient_norm as squared_gradient_norm,
)

# problems, their constants and assumptions, and the declarations of randomness
from convlab.problem import Family as Family, Member as Member, Start as Start, fact as fact
from convlab.constants import (
    Array as Array, Number as Number, Constant as Constant, Exactness as Exactness, exact as exact, lower as lower,
    upper as upper,
)
from convlab.assumptions import (
    Bilinear as Bilinear, BoundedGradients as BoundedGradients, BoundedSecondMoment as BoundedSecondMoment, BoundedVariance as BoundedVariance,
    ConstrainedMinimum as ConstrainedMinimum, Convex as Convex, ConvexLosses as ConvexLosses, ConvexSamples as ConvexSamples,
    DisagreeingWorkers as DisagreeingWorkers, Finding as Finding, FiniteSum as FiniteSum,
    FixedPointGrid as FixedPointGrid, Implied as Implied, InexactGradients as InexactGradients,
    ExactLineSearch as ExactLineSearch, ExpectedGrowth as ExpectedGrowth, Interpolation as Interpolation, Isotropic as Isotropic,
    KnownSampleMinima as KnownSampleMinima, Lipschitz as Lipschitz,
    LipschitzOperator as LipschitzOperator, LipschitzSamples as LipschitzSamples, LossScaling as LossScaling, MarginAttack as MarginAttack,
    Minimum as Minimum, MixingMatrix as MixingMatrix, NeighbouringSamples as NeighbouringSamples,
    NoiseCovariance as NoiseCovariance, OneCoupling as OneCoupling, OnePeerRounds as OnePeerRounds,
    PolyakLojasiewicz as PolyakLojasiewicz, Proximable as Proximable, Quadratic as Quadratic, QuadraticWorkers as QuadraticWorkers,
    SaddlePoint as SaddlePoint, Smooth as Smooth, SmoothSamples as SmoothSamples, SmoothnessOfEach as SmoothnessOfEach, Status as Status,
    StrongGrowth as StrongGrowth, StronglyConvexSamples as StronglyConvexSamples, StronglyConvex as StronglyConvex, StronglyMonotone as StronglyMonotone,
    Tasks as Tasks, Workers as Workers,
    judged as judged, sample_points as sample_points,
)
from convlab.draws import (
    Adversary as Adversary, Bernoulli as Bernoulli, Draws as Draws, Finite as Finite, Noise as Noise,
    Permutation as Permutation, Subset as Subset, Uniform as Uniform, rademacher as rademacher,
)

# questions and their answers
from convlab.catalogue import figure as figure, figures as figures, theorem as theorem, theorems as theorems
from convlab.errors import BadInput as BadInput
from convlab.run.settings import Settings as Settings
from convlab.judge.check import check as check
from convlab.judge.verdict import (
    Check as Check, Skipped as Skipped, Verdict as Verdict, Witness as Witness, Word as Word,
)
from convlab.prove import prove as prove
from convlab.prove.pep.certified import Certification as Certification, Certified as Certified
from convlab.prove.pep.certify import certify as certify
from convlab.falsify.falsifier import falsify as falsify
from convlab.falsify.mutants import mutants as mutants
from convlab.falsify.sharpen import Row as Row, Sharpening as Sharpening, sharpen as sharpen
from convlab.testing.battery import Battery as Battery, check_optimizer as check_optimizer
from convlab.report.answers import Report as Report, report as report

# figures: a declaration each, and how they are drawn
from convlab.figure import (
    Axis as Axis, Contour as Contour, Curves as Curves, Figure as Figure, Mark as Mark, Run as Run, Scatter as Scatter,
    Sweep as Sweep,
)
from convlab.report.drawing import draw as draw
from convlab.report.style import Drawn as Drawn
from convlab.report.trial import Trial as Trial, tried as tried
