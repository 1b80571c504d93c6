/* real.h: nn_real is float in production and double in the tests that need it. nn, samplers, xai and apps are built
 * twice, as libspinet_f (NN_SINGLE) and libspinet_d; the two are never linked together. Also the vector type of the
 * lane kernels. */
#ifndef NN_REAL_H
#define NN_REAL_H

#ifdef NN_SINGLE
typedef float nn_real;
#define NN_H5 H5_F32
#define NN_REAL_NAME "float"
#else
typedef double nn_real;
#define NN_H5 H5_F64
#define NN_REAL_NAME "double"
#endif

#ifdef __AVX512F__
#define NN_VECTOR_BYTES 64
#else
#define NN_VECTOR_BYTES 32
#endif
#define NN_VL ((int)(NN_VECTOR_BYTES / sizeof(nn_real))) /* lanes per vector */
typedef nn_real nn_vec __attribute__((vector_size(NN_VECTOR_BYTES), aligned(sizeof(nn_real)), may_alias));

#define NN_ALIGN 64

#endif
