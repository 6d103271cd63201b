"""Distributions of other libraries, made from raw parameters: the table of test_interop_heads.

Each row is a function `(d, *columns)` of the library's module of distributions and as many
columns of raw parameters, each of shape `(rows,)`, as it has arguments.
"""

from keras import ops


def pos(x):
    return ops.softplus(x) + 0.1


def unit(x):
    return 0.05 + 0.9 * ops.sigmoid(x)


def vector(*columns):
    return ops.stack(columns, axis=-1)


def tril(a, b, c):
    zero = ops.zeros_like(a)
    return ops.stack([vector(pos(a), zero), vector(b, pos(c))], axis=-2)


def matrices(a):
    """Two equal covariance matrices' factors, for distributions over matrices."""
    return tril(a, 0.1 * a, a)


# What TFP, Torch and NumPyro call by one name, with one order of arguments.
EVERYWHERE = {
    "Normal": lambda d, a, b: d.Normal(a, pos(b)),
    "LogNormal": lambda d, a, b: d.LogNormal(a, pos(b)),
    "Laplace": lambda d, a, b: d.Laplace(a, pos(b)),
    "Gumbel": lambda d, a, b: d.Gumbel(a, pos(b)),
    "Cauchy": lambda d, a, b: d.Cauchy(a, pos(b)),
    "StudentT": lambda d, a, b, c: d.StudentT(pos(a) + 2.0, b, pos(c)),
    "HalfNormal": lambda d, a: d.HalfNormal(pos(a)),
    "Exponential": lambda d, a: d.Exponential(pos(a)),
    "Gamma": lambda d, a, b: d.Gamma(pos(a) + 1.0, pos(b)),
    "InverseGamma": lambda d, a, b: d.InverseGamma(pos(a) + 1.0, pos(b)),
    "Chi2": lambda d, a: d.Chi2(pos(a) + 2.0),
    "Beta": lambda d, a, b: d.Beta(pos(a) + 1.0, pos(b) + 1.0),
    "VonMises": lambda d, a, b: d.VonMises(a, pos(b)),
    "Bernoulli": lambda d, a: d.Bernoulli(logits=a),
    "Poisson": lambda d, a: d.Poisson(pos(a)),
    "Categorical": lambda d, a, b, c: d.Categorical(logits=vector(a, b, c)),
    "Dirichlet": lambda d, a, b: d.Dirichlet(vector(pos(a), pos(b)) + 1.0),
    "MixtureSameFamily": lambda d, a, b, c, e: d.MixtureSameFamily(
        d.Categorical(logits=vector(a, b)), d.Normal(vector(a, c), pos(vector(b, e)))
    ),
}

TFP = {
    **EVERYWHERE,
    "Logistic": lambda d, a, b: d.Logistic(a, pos(b)),
    "GeneralizedNormal": lambda d, a, b, c: d.GeneralizedNormal(a, pos(b), pos(c) + 1.0),
    "HalfCauchy": lambda d, a: d.HalfCauchy(0.0 * a, pos(a)),
    "Kumaraswamy": lambda d, a, b: d.Kumaraswamy(pos(a) + 1.0, pos(b) + 1.0),
    "Weibull": lambda d, a, b: d.Weibull(pos(a) + 1.0, pos(b)),
    "InverseGaussian": lambda d, a, b: d.InverseGaussian(pos(a), pos(b)),
    "JohnsonSU": lambda d, a, b, c: d.JohnsonSU(a, pos(b), c, pos(b)),
    "LogitNormal": lambda d, a, b: d.LogitNormal(a, pos(b)),
    "Moyal": lambda d, a, b: d.Moyal(a, pos(b)),
    "TwoPieceNormal": lambda d, a, b: d.TwoPieceNormal(a, pos(b), skewness=2.0),
    "TruncatedNormal": lambda d, a, b: d.TruncatedNormal(a, pos(b), -5.0, 5.0),
    "Uniform": lambda d, a, b: d.Uniform(-3.0 - pos(a), 3.0 + pos(b)),
    "Triangular": lambda d, a: d.Triangular(-3.0 - pos(a), 3.0 + pos(a), 0.0 * a),
    "RelaxedBernoulli": lambda d, a: d.RelaxedBernoulli(0.5, logits=a),
    "ContinuousBernoulli": lambda d, a: d.ContinuousBernoulli(logits=a + 1.0),
    "Binomial": lambda d, a: d.Binomial(5.0, logits=a),
    "NegativeBinomial": lambda d, a: d.NegativeBinomial(3.0, logits=a),
    "Geometric": lambda d, a: d.Geometric(logits=a),
    "Zipf": lambda d, a: d.Zipf(pos(a) + 2.0, dtype="float32"),
    "QuantizedDistribution": lambda d, a, b: d.QuantizedDistribution(d.Normal(a, pos(b))),
    "ZeroInflatedNegativeBinomial": lambda d, a, b: d.ZeroInflatedNegativeBinomial(
        inflated_loc_logits=a, total_count=3.0 + 0.0 * b, logits=b
    ),
    "OneHotCategorical": lambda d, a, b: d.OneHotCategorical(logits=vector(a, b)),
    "Multinomial": lambda d, a, b: d.Multinomial(4.0, logits=vector(a, b)),
    "MultivariateNormalDiag": lambda d, a, b: d.MultivariateNormalDiag(
        vector(a, b), pos(vector(a, b))
    ),
    "MultivariateNormalTriL": lambda d, a, b, c: d.MultivariateNormalTriL(
        vector(a, b), tril(a, b, c)
    ),
    "RelaxedOneHotCategorical": lambda d, a, b: d.RelaxedOneHotCategorical(
        0.5, logits=vector(a, b)
    ),
    "Independent": lambda d, a, b: d.Independent(d.Normal(vector(a, b), 1.0), 1),
    "Sample": lambda d, a, b: d.Sample(d.Normal(a, pos(b)), 3),
    "Mixture": lambda d, a, b, c: d.Mixture(
        d.Categorical(logits=vector(a, b)), [d.Normal(a, pos(c)), d.Laplace(b, pos(c))]
    ),
    "Blockwise": lambda d, a, b: d.Blockwise([d.Normal(a, pos(b)), d.Gamma(pos(a) + 1.0, pos(b))]),
    "TransformedDistribution": lambda d, a, b: d.TransformedDistribution(
        d.Normal(a, pos(b)), d.LogNormal(0.0, 1.0).bijector
    ),
    "HiddenMarkovModel": lambda d, a, b, c: d.HiddenMarkovModel(
        d.Categorical(logits=vector(a, b)),
        d.Categorical(logits=ops.stack([vector(a, b), vector(b, a)], axis=-2)),
        d.Normal(vector(b, c), 1.0),
        num_steps=3,
    ),
    "VonMisesFisher": lambda d, a, b: d.VonMisesFisher(
        vector(ops.cos(a), ops.sin(a)), pos(b)
    ),
    "WishartTriL": lambda d, a: d.WishartTriL(4.0, matrices(a), input_output_cholesky=True),
    "CholeskyLKJ": lambda d, a: d.CholeskyLKJ(2, pos(a) + 1.0),
}  # fmt: skip

TORCH = {
    **EVERYWHERE,
    "HalfCauchy": lambda d, a: d.HalfCauchy(pos(a)),
    "Kumaraswamy": lambda d, a, b: d.Kumaraswamy(pos(a) + 1.0, pos(b) + 1.0),
    "Weibull": lambda d, a, b: d.Weibull(pos(a), pos(b) + 1.0),
    "FisherSnedecor": lambda d, a, b: d.FisherSnedecor(pos(a) + 2.0, pos(b) + 2.0),
    "Uniform": lambda d, a, b: d.Uniform(-3.0 - pos(a), 3.0 + pos(b)),
    "RelaxedBernoulli": lambda d, a: d.RelaxedBernoulli(ops.ones(()) * 0.5, logits=a),
    "ContinuousBernoulli": lambda d, a: d.ContinuousBernoulli(logits=a + 1.0),
    "Binomial": lambda d, a: d.Binomial(5, logits=a),
    "NegativeBinomial": lambda d, a: d.NegativeBinomial(3.0, logits=a),
    "Geometric": lambda d, a: d.Geometric(logits=a),
    "OneHotCategorical": lambda d, a, b: d.OneHotCategorical(logits=vector(a, b)),
    "Multinomial": lambda d, a, b: d.Multinomial(4, logits=vector(a, b)),
    "MultivariateNormal": lambda d, a, b, c: d.MultivariateNormal(
        vector(a, b), scale_tril=tril(a, b, c)
    ),
    "LowRankMultivariateNormal": lambda d, a, b, c: d.LowRankMultivariateNormal(
        vector(a, b), vector(b, c)[..., None], pos(vector(a, c))
    ),
    "LogisticNormal": lambda d, a, b: d.LogisticNormal(vector(a, b), pos(vector(a, b))),
    "Independent": lambda d, a, b: d.Independent(d.Normal(vector(a, b), 1.0), 1),
    "TransformedDistribution": lambda d, a, b: d.TransformedDistribution(
        d.Normal(a, pos(b)), [d.transforms.ExpTransform()]
    ),
    "Wishart": lambda d, a: d.Wishart(4.0 + 0.0 * a, scale_tril=matrices(a)),
    "LKJCholesky": lambda d, a: d.LKJCholesky(2, pos(a) + 1.0),
}  # fmt: skip

NUMPYRO = {
    **EVERYWHERE,
    "Logistic": lambda d, a, b: d.Logistic(a, pos(b)),
    "HalfCauchy": lambda d, a: d.HalfCauchy(pos(a)),
    "Levy": lambda d, a, b: d.Levy(a, pos(b)),
    "Kumaraswamy": lambda d, a, b: d.Kumaraswamy(pos(a) + 1.0, pos(b) + 1.0),
    "Weibull": lambda d, a, b: d.Weibull(pos(a), pos(b) + 1.0),
    "AsymmetricLaplace": lambda d, a, b: d.AsymmetricLaplace(a, pos(b), 2.0),
    "TruncatedNormal": lambda d, a, b: d.TruncatedNormal(a, pos(b), low=-5.0, high=5.0),
    "Uniform": lambda d, a, b: d.Uniform(-3.0 - pos(a), 3.0 + pos(b)),
    "Binomial": lambda d, a: d.Binomial(5, logits=a),
    "BetaBinomial": lambda d, a, b: d.BetaBinomial(pos(a), pos(b), 5),
    "NegativeBinomial2": lambda d, a, b: d.NegativeBinomial2(pos(a), pos(b)),
    "ZeroInflatedPoisson": lambda d, a, b: d.ZeroInflatedPoisson(unit(a), pos(b)),
    "Geometric": lambda d, a: d.Geometric(logits=a),
    "OrderedLogistic": lambda d, a: d.OrderedLogistic(a, ops.convert_to_tensor([-1.0, 1.0])),
    "Multinomial": lambda d, a, b: d.Multinomial(4, logits=vector(a, b)),
    "MultivariateNormal": lambda d, a, b, c: d.MultivariateNormal(
        vector(a, b), scale_tril=tril(a, b, c)
    ),
    "LowRankMultivariateNormal": lambda d, a, b, c: d.LowRankMultivariateNormal(
        vector(a, b), vector(b, c)[..., None], pos(vector(a, c))
    ),
    "to_event": lambda d, a, b: d.Normal(vector(a, b), 1.0).to_event(1),
    "GaussianRandomWalk": lambda d, a: d.GaussianRandomWalk(pos(a), num_steps=3),
    "TransformedDistribution": lambda d, a, b: d.TransformedDistribution(
        d.Normal(a, pos(b)), d.transforms.ExpTransform()
    ),
    "LKJCholesky": lambda d, a: d.LKJCholesky(2, pos(a) + 1.0),
}  # fmt: skip
