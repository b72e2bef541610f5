#include "import/allowed_operators.h"

#include <string>
#include <unordered_set>

#include "error.h"

namespace iba::imported {

namespace {

/// Left out on purpose, although models may be found that call them:
/// - strides and offsets that the caller chooses: as_strided, _reshape_alias, set_, resize_, empty_strided;
/// - indices that nobody checks: _unsafe_index, _index_put_impl_, max_pool2d_with_indices_backward,
///   linalg_ldl_solve, fractional_max_pool2d, embedding_bag, _pack_padded_sequence;
/// - forms whose arguments only their callers check: _fft_c2r, _weight_norm_interface, mkldnn_convolution;
/// - tensors that are no plain blocks of memory: sparse, quantized, nested.
constexpr std::string_view kOnTensors =
    // Of each element
    "abs absolute acos acosh add addcdiv addcmul angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh "
    "asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift "
    "bitwise_xor ceil clamp clamp_max clamp_min clip complex conj conj_physical copysign cos cosh deg2rad "
    "digamma div divide erf erfc erfinv exp exp2 expm1 fix float_power floor floor_divide floordiv fmax fmin "
    "fmod frac heaviside hypot i0 imag isclose isfinite isinf isnan isneginf isposinf isreal ldexp lerp "
    "lgamma log log10 log1p log2 logaddexp logaddexp2 logit maximum minimum mul multiply nan_to_num neg "
    "negative nextafter polar positive pow rad2deg real reciprocal remainder resolve_conj resolve_neg round "
    "rsqrt rsub sgn sigmoid sign signbit sin sinc sinh special_entr special_erf special_erfc special_erfcx "
    "special_erfinv special_exp2 special_expit special_expm1 special_gammaln special_log1p "
    "special_log_ndtr special_logit special_ndtr special_ndtri special_round special_sinc special_xlog1py "
    "special_xlogy sqrt square sub subtract tan tanh true_divide trunc view_as_complex view_as_real where "
    "xlogy "
    "eq equal ge greater greater_equal gt isin le less less_equal logical_and logical_not logical_or "
    "logical_xor lt ne not_equal allclose __and__ __or__ __xor__ __lshift__ __rshift__ "
    // Activation functions
    "celu elu gelu glu hardshrink hardsigmoid hardswish hardtanh leaky_relu log_sigmoid log_softmax mish "
    "prelu _prelu_kernel relu relu6 rrelu selu silu softmax softplus softshrink threshold _log_softmax "
    "_softmax _safe_softmax special_log_softmax special_softmax "
    "alpha_dropout dropout feature_alpha_dropout feature_dropout native_dropout "
    // Over many elements
    "all amax amin aminmax any argmax argmin bincount count_nonzero cov corrcoef cummax cummin cumprod "
    "cumsum diff dist frobenius_norm histc kthvalue logcumsumexp logsumexp max mean median min mode nanmean "
    "nanmedian nanquantile nansum norm norm_except_dim nuclear_norm prod quantile renorm std std_mean sum "
    "sum_to_size trace trapezoid trapz unique_consecutive _unique2 var var_mean "
    "argsort bucketize msort searchsorted sort topk "
    // Linear algebra
    "addbmm addmm addmv addr baddbmm bilinear bmm cdist _cdist_forward chain_matmul cosine_similarity cross "
    "det dot einsum ger inner inverse kron linalg_cholesky linalg_cholesky_ex linalg_cross linalg_det "
    "linalg_diagonal linalg_eigh linalg_eigvalsh linalg_householder_product linalg_inv linalg_inv_ex "
    "linalg_matmul linalg_matrix_exp linalg_matrix_norm linalg_matrix_power linalg_multi_dot linalg_norm "
    "linalg_pinv linalg_qr linalg_slogdet linalg_solve linalg_solve_ex linalg_svd linalg_svdvals "
    "linalg_vecdot linalg_vector_norm linear logdet matmul matrix_exp matrix_power mm mv outer "
    "pairwise_distance pinverse slogdet tensordot vdot "
    "_linalg_det _linalg_eigh _linalg_slogdet _linalg_solve_ex _linalg_svd _linalg_check_errors _trilinear "
    // Convolutions, pooling, norms, attention
    "_convolution _convolution_mode conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d "
    "convolution "
    "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d "
    "adaptive_max_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d avg_pool1d avg_pool2d avg_pool3d "
    "max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d "
    "max_pool3d_with_indices max_unpool2d max_unpool3d "
    "batch_norm group_norm instance_norm layer_norm native_batch_norm native_group_norm native_layer_norm "
    "rms_norm _native_batch_norm_legit _native_batch_norm_legit_no_training _weight_norm "
    "scaled_dot_product_attention _scaled_dot_product_flash_attention_for_cpu _native_multi_head_attention "
    // Resizing and padding
    "affine_grid_generator channel_shuffle native_channel_shuffle col2im im2col constant_pad_nd "
    "grid_sampler grid_sampler_2d grid_sampler_3d pad pixel_shuffle pixel_unshuffle reflection_pad1d "
    "reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d "
    "upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d "
    "upsample_nearest3d upsample_trilinear3d _upsample_bicubic2d_aa _upsample_bilinear2d_aa "
    "_upsample_lanczos2d_aa "
    "_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d "
    "__interpolate __upsample __upsample_bilinear __upsample_nearest "
    // Frequencies
    "fft_fft fft_fft2 fft_fftfreq fft_fftn fft_fftshift fft_ifft fft_ifft2 fft_ifftn fft_ifftshift fft_irfft "
    "fft_irfft2 fft_irfftn fft_rfft fft_rfft2 fft_rfftfreq fft_rfftn "
    // Shapes
    "adjoint alias atleast_1d atleast_2d atleast_3d block_diag broadcast_tensors broadcast_to cat chunk "
    "column_stack concat concatenate contiguous detach diag diag_embed diagflat diagonal dsplit dstack "
    "expand expand_as flatten flip fliplr flipud hsplit hstack lift_fresh lift_fresh_copy mH mT matrix_H "
    "meshgrid moveaxis movedim narrow numpy_T permute ravel repeat repeat_interleave reshape reshape_as roll "
    "rot90 select slice split split_with_sizes squeeze stack swapaxes swapdims t tensor_split tile transpose "
    "tril triu unbind unflatten unfold unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze "
    "_unsafe_view view view_as vsplit vstack "
    "expand_copy permute_copy select_copy slice_copy split_copy split_with_sizes_copy squeeze_copy "
    "transpose_copy unsqueeze_copy view_copy "
    // By index, which LibTorch checks
    "diagonal_scatter embedding fill_diagonal gather index index_add index_copy index_fill index_put "
    "index_select masked_fill masked_scatter masked_select nonzero one_hot scatter scatter_add "
    "scatter_reduce select_scatter slice_scatter take take_along_dim argwhere "
    // New tensors; those of `empty` are filled with zeros
    "arange bernoulli empty empty_like empty_permuted eye fill full full_like linspace logspace new_empty "
    "new_full new_ones new_zeros normal ones ones_like rand rand_like randint randint_like randn randn_like "
    "random randperm scalar_tensor tril_indices triu_indices uniform zero zeros zeros_like "
    "as_tensor tensor _list_to_tensor "
    // Types and copies
    "_cast_Byte _cast_Char _cast_Double _cast_Float _cast_Half _cast_Int _cast_Long _cast_Short clone copy "
    "cpu requires_grad to to_dense type_as _to_copy _to_cpu "
    // Questions about a tensor
    "dim is_complex is_contiguous is_floating_point is_nonzero is_same_size is_signed item "
    "_local_scalar_dense numel result_type size sym_numel sym_size stride sym_stride "
    "_shape_as_tensor "
    // Checks
    "_assert_async _assert_scalar _assert_tensor_metadata _functional_assert_async "
    "_functional_assert_scalar sym_constrain_range sym_constrain_range_for_size ";

/// TorchScript's own, on numbers, lists, dicts and strings. Those that could make a string of any length
/// (center, join, replace, zfill) aren't among them.
constexpr std::string_view kOnNumbersAndLists =
    "Bool Float FloatImplicit Int IntImplicit ScalarImplicit Size __contains__ __derive_index __getitem__ "
    "__is__ __isnot__ __not__ __range_length __round_to_zero_floordiv _infer_size _set_item "
    "_size_if_not_equal _tensor_to_list _unwrap_optional append broadcast_shapes clear count degrees device "
    "dict divmod endswith extend fabs find format gcd get insert is_scripting items keys len list lower "
    "mathremainder modf pop radians remove reverse sorted startswith str strip update upper values warn "
    "is_grad_enabled is_autocast_enabled is_autocast_cpu_enabled _get_tracing_state has_torch_function ";

constexpr std::string_view kOfTheCompiler =
    "NumToTensor RaiseException Print StringIndex TupleIndex TupleUnpack Uninitialized abs data device dtype "
    "is_cpu is_cuda is_meta is_mkldnn is_mps is_nested is_quantized is_sparse is_xla itemsize layout max min "
    "requires_grad type unchecked_cast unchecked_unwrap_optional ";

void add_names(std::unordered_set<std::string>& names, std::string_view prefix, std::string_view list) {
  for (size_t end; !list.empty(); list.remove_prefix(end + 1)) {
    end = list.find(' ');
    names.insert(std::string(prefix).append(list.substr(0, end)));
  }
}

std::unordered_set<std::string> make_names() {
  std::unordered_set<std::string> names;
  add_names(names, "aten::", kOnTensors);
  add_names(names, "aten::", kOnNumbersAndLists);
  add_names(names, "prim::", kOfTheCompiler);
  return names;
}

}  // namespace

bool is_allowed_operator(std::string_view qualified_name) {
  static const std::unordered_set<std::string> kNames = make_names();
  std::string name(qualified_name);
  if (kNames.contains(name)) return true;
  bool is_in_place = name.ends_with('_') && !name.ends_with("__");
  return is_in_place && kNames.contains(name.substr(0, name.size() - 1));
}

void refuse_operator(std::string_view qualified_name, const std::string& where) {
  throw Error(ErrorCode::model,
              "In " + where + ", the operator '" + std::string(qualified_name) +
                  "' is called, which isn't among those that only compute new values from given ones: it "
                  "isn't run, since it could reach files, devices or other memory. Save the model without "
                  "it. Don't use the file if you don't know why it calls that.");
}

}  // namespace iba::imported
